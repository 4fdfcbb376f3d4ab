/* error: `Hostile`: by default argument `k` must be a number */
#include "hostile.h"

static double zero;

HOSTILE(
    params[0].kind = params[0].default_value.kind = YOLO_KIND_FLOAT;
    params[0].default_value.number = 0.0 / zero)
