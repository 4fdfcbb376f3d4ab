/* error: `Hostile` has no readable list of at most 256 parameters */
#include "hostile.h"

HOSTILE(block.params_len = SIZE_MAX / 256)
