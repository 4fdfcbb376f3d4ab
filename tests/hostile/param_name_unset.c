/* error: `Hostile`: parameter 0 has no name */
#include "hostile.h"

HOSTILE(params[0].name.len = 0)
