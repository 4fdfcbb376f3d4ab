/* error: `Hostile`: a parameter's name has 18446744073709551615 bytes */
#include "hostile.h"

HOSTILE(params[0].name.len = SIZE_MAX)
