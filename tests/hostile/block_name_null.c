/* error: its name is null */
#include "hostile.h"

HOSTILE(block.name.data = NULL)
