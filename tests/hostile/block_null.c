/* error: block 1 is null */
#include "hostile.h"

HOSTILE(plugin.blocks_len = 2, blocks[1] = NULL)
