/* error: undefined symbol: nowhere_to_be_found */
#include "hostile.h"

void nowhere_to_be_found(void);

HOSTILE(nowhere_to_be_found())
