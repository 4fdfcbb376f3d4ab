/* error: its description has a struct_size of */
#include "hostile.h"

HOSTILE(plugin.struct_size -= 8)
