/* error: size is too large */
#include "hostile.h"

BUILD
{
    return host->slice(graph, x, 1, SIZE_MAX, SIZE_MAX);
}
