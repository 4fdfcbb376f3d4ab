/* error: `Hostile` has an unknown `repeat`, 2 */
#include "hostile.h"

HOSTILE(block.repeat = 2)
