/* works: same */
#include "hostile.h"

HOSTILE(plugin.struct_size += 64)
