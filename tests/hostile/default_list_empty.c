/* works: same */
#include "hostile.h"

HOSTILE(params[0].kind = params[0].default_value.kind = YOLO_KIND_INTS)
