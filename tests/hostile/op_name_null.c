/* error: a custom operation has no readable name */
#include "hostile.h"

OPERATION(op.name.data = NULL)
