/* error: `Hostile`: a default has no readable list of at most 256 integers */
#include "hostile.h"

HOSTILE(
    params[0].kind = params[0].default_value.kind = YOLO_KIND_INTS;
    params[0].default_value.ints_len = 2)
