/* error: is not a tensor of this model */
#include "hostile.h"

BUILD
{
    return x + 1;
}
