/* error: custom operation `twice` lacks shape or forward */
#include "hostile.h"

OPERATION(op.shape = NULL)
