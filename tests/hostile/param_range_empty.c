/* error: argument `k` must be an integer from 5 to 4, not 4 */
/* row: [-1, 1, Hostile, [4]] */
#include "hostile.h"

HOSTILE(params[0].min = 5, params[0].max = 4, params[0].default_value.kind = YOLO_KIND_NONE)
