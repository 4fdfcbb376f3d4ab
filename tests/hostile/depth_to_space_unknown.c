/* error: a kind that this host does not know */
#include "hostile.h"

BUILD
{
    return host->depth_to_space(graph, x, 2, 99);
}
