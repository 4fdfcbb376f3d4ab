/* error: `Hostile`: by default argument `k` must be an integer from 0 to 31, not 0.5 */
#include "hostile.h"

HOSTILE(params[0].default_value.kind = YOLO_KIND_FLOAT, params[0].default_value.number = 0.5)
