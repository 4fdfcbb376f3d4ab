/* error: it has no readable list of at most */
#include "hostile.h"

HOSTILE(plugin.blocks = MISALIGNED(blocks))
