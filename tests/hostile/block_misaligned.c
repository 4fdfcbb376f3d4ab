/* error: block 0 is null or misaligned */
#include "hostile.h"

HOSTILE(blocks[0] = MISALIGNED(&block))
