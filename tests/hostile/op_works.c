/* works: doubled */
#include "hostile.h"

OPERATION()
