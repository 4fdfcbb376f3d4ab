/* works: doubled */
#include "hostile.h"

OPERATION(op.struct_size = sizeof op + 64)
