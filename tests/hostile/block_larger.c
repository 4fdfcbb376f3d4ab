/* works: same */
#include "hostile.h"

HOSTILE(block.struct_size += 64)
