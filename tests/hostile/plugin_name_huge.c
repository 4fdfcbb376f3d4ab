/* error: its name has 18446744073709551615 bytes */
#include "hostile.h"

HOSTILE(plugin.name.len = SIZE_MAX)
