/* error: its name has 18446744073709551615 bytes, where 4096 are the most */
#include "hostile.h"

HOSTILE(block.name.len = SIZE_MAX)
