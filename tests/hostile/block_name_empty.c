/* error: its name is empty */
#include "hostile.h"

HOSTILE(block.name.len = 0)
