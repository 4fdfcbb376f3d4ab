/* error: the input with its border [ */
#include "hostile.h"

BUILD
{
    yolo_pool2d window = { { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 }, 0 };
    window.kernel[1] = ((size_t)1 << 40) + 1;
    window.padding[1] = (size_t)1 << 39;
    return host->pool2d(graph, x, YOLO_POOL_AVERAGE, &window);
}
