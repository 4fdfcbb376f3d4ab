/* error: a pointer is null or misaligned */
#include "hostile.h"

BUILD
{
    return host->pool2d(graph, x, YOLO_POOL_MAX, NULL);
}
