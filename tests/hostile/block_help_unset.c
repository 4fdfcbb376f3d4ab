/* works: same */
#include "hostile.h"

HOSTILE(block.help.data = NULL, block.help.len = 0)
