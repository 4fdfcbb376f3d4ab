/* error: is not a sound plugin: its name is empty */
#include "hostile.h"

HOSTILE(plugin.name.data = NULL, plugin.name.len = 0)
