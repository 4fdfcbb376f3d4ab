/* error: matmul: columns of the first */
#include "hostile.h"

BUILD
{
    return host->matmul(graph, x, host->global_pool(graph, x, YOLO_POOL_MAX));
}
