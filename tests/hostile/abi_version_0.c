/* error: has version 0 of the block contract */
#include "hostile.h"

HOSTILE(plugin.abi_version = 0)
