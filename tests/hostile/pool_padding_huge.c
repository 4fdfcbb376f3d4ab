/* error: is more than half of the kernel */
#include "hostile.h"

BUILD
{
    yolo_pool2d window = { { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 }, 0 };
    window.padding[1] = (size_t)1 << 63;
    return host->pool2d(graph, x, YOLO_POOL_MAX, &window);
}
