/* error: is not a size here */
#include "hostile.h"

BUILD
{
    int64_t shape[2] = { INT64_MIN, -1 };
    return host->reshape(graph, x, shape, 2);
}
