/* error: a kind that this host does not know */
#include "hostile.h"

BUILD
{
    return host->upsample(graph, x, 2, 99);
}
