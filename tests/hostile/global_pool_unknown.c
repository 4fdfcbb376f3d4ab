/* error: a kind that this host does not know */
#include "hostile.h"

BUILD
{
    return host->global_pool(graph, x, 99);
}
