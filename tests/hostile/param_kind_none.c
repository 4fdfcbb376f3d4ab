/* error: `Hostile`: parameter 0 has the unknown kind 0 */
#include "hostile.h"

HOSTILE(params[0].kind = YOLO_KIND_NONE)
