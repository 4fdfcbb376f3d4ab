/* error: the host was called with a graph that is not the one */
#include "hostile.h"

BUILD
{
    return host->affine(NULL, x, 1.0, 0.0);
}
