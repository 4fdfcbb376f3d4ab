/* error: `Hostile` takes at least 0 inputs and at most 0 */
#include "hostile.h"

HOSTILE(block.min_inputs = block.max_inputs = 0)
