/* error: block 0 has a struct_size of */
#include "hostile.h"

HOSTILE(block.struct_size -= 8)
