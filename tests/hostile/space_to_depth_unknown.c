/* error: a kind that this host does not know */
#include "hostile.h"

BUILD
{
    return host->space_to_depth(graph, x, 2, 99);
}
