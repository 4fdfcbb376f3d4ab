/* error: size is too large */
#include "hostile.h"

BUILD
{
    yolo_pool2d window = { { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 }, 0 };
    window.kernel[0] = SIZE_MAX;
    window.padding[0] = SIZE_MAX / 2;
    return host->pool2d(graph, x, YOLO_POOL_MAX, &window);
}
