/* error: `Hostile`: a default has the unknown kind 99 */
#include "hostile.h"

HOSTILE(params[0].default_value.kind = 99)
