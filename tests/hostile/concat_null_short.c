/* error: a pointer is null or misaligned */
#include "hostile.h"

BUILD
{
    return host->concat(graph, NULL, 2, 1);
}
