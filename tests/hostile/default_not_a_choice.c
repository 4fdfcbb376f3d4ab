/* error: `Hostile`: by default argument `k` must be one of Hostile, not 'hostile' */
#include "hostile.h"

HOSTILE(
    params[0].kind = params[0].default_value.kind = YOLO_KIND_CHOICE;
    params[0].choices = &block.name;
    params[0].choices_len = 1;
    params[0].default_value.text = block.help)
