/* error: `Hostile`: a parameter has no readable list of at most 256 choices */
#include "hostile.h"

HOSTILE(params[0].choices_len = 1, params[0].choices = (const yolo_str *)(const void *)((const char *)&block.name + 1))
