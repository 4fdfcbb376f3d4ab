/* error: a pointer is null or misaligned */
#include "hostile.h"

BUILD
{
    return host->custom(graph, &op, &x, 1, NULL, 2);
}
