/* error: a shape of too many axes */
#include "hostile.h"

BUILD
{
    static int64_t shape[1000];
    return host->reshape(graph, x, shape, 1000);
}
