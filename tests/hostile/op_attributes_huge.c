/* error: too many attributes */
#include "hostile.h"

BUILD
{
    double attribute = 1.0;
    return host->custom(graph, &op, &x, 1, &attribute, SIZE_MAX);
}
