/* error: has too small a struct_size */
#include "hostile.h"

OPERATION(op.struct_size = sizeof op - 8)
