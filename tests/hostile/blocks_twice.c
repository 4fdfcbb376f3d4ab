/* error: block `Hostile` is there twice */
#include "hostile.h"

HOSTILE(plugin.blocks_len = 2)
