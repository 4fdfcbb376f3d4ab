/* error: has version 2 of the block contract */
#include "hostile.h"

HOSTILE(plugin.abi_version = 2)
