/* error: unflatten_like: needs [batch, channels, 256·256] */
#include "hostile.h"

BUILD
{
    return host->unflatten_like(graph, x, x);
}
