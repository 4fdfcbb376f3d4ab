/* error: a custom operation is null */
#include "hostile.h"

BUILD
{
    return host->custom(graph, NULL, &x, 1, NULL, 0);
}
