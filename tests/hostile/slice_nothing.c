/* error: there are no elements */
#include "hostile.h"

BUILD
{
    return host->slice(graph, x, 1, 3, 0);
}
