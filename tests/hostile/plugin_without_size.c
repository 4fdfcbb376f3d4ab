/* error: its description has a struct_size of 0 bytes */
#include "hostile.h"

HOSTILE(plugin.struct_size = 0)
