/* error: a custom operation without inputs, or */
#include "hostile.h"

BUILD
{
    return host->custom(graph, &op, NULL, 0, NULL, 0);
}
