/* error: `Hostile`: a parameter's help is null */
#include "hostile.h"

HOSTILE(params[0].help.data = NULL)
