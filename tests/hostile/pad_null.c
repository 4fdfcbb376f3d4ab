/* error: a pointer is null or misaligned */
#include "hostile.h"

BUILD
{
    return host->pad(graph, x, NULL, 0.0);
}
