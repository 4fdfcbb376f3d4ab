/* error: `Hostile` has an unknown `repeat` */
#include "hostile.h"

HOSTILE(block.repeat = 2)
