/* adds nothing */
#include "hostile.h"

HOSTILE(plugin.blocks_len = 0, plugin.blocks = NULL)
