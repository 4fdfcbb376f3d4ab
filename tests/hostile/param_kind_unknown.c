/* error: `Hostile`: parameter 0 has the unknown kind 99 */
#include "hostile.h"

HOSTILE(params[0].kind = 99)
