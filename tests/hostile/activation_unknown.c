/* error: a kind that this host does not know */
#include "hostile.h"

BUILD
{
    return host->activation(graph, x, 99, 0.0);
}
