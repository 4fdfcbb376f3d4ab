/* error: `Hostile`: a parameter has no readable list of at most 256 choices */
#include "hostile.h"

HOSTILE(params[0].choices_len = 1, params[0].choices = MISALIGNED(&block.name))
