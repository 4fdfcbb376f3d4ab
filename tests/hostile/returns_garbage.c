/* error: 0xdeadbeef is not a tensor of this model */
#include "hostile.h"

BUILD
{
    return 0xdeadbeef;
}
