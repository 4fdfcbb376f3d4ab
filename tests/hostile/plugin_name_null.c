/* error: its name is null */
#include "hostile.h"

HOSTILE(plugin.name.data = NULL)
