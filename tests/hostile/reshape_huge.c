/* error: size is too large */
#include "hostile.h"

BUILD
{
    int64_t shape[2] = { INT64_MAX, INT64_MAX };
    return host->reshape(graph, x, shape, 2);
}
