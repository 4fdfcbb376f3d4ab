/* error: its name is empty */
#include "hostile.h"

HOSTILE(block.name.data = NULL, block.name.len = 0)
