/* error: `Hostile`: by default argument `k` must be an integer from 0 to 31, not 32 */
#include "hostile.h"

HOSTILE(params[0].default_value.integer = 32)
