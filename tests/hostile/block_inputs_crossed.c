/* error: `Hostile` takes at least 2 inputs and at most 1 */
#include "hostile.h"

HOSTILE(block.min_inputs = 2)
