/* error: a pointer is null or misaligned */
#include "hostile.h"

BUILD
{
    return host->reshape(graph, x, NULL, 4);
}
