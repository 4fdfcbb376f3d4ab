/* works: same */
#include "hostile.h"

HOSTILE(block.min_inputs = 0, block.max_inputs = SIZE_MAX)
