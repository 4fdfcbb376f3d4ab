/* error: `Hostile` has no build function */
#include "hostile.h"

HOSTILE(block.build = NULL)
