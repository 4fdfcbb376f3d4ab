/* error: a pointer is null or misaligned */
#include "hostile.h"

BUILD
{
    return host->custom(graph, &op, NULL, 3, NULL, 0);
}
