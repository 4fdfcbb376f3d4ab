/* error: the host was called with a graph other than the one that is being built */
#include "hostile.h"

BUILD
{
    return host->affine(NULL, x, 1.0, 0.0);
}
