/* works */
#include "hostile.h"

BUILD
{
    yolo_pool2d window = { { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 }, 0 };
    window.stride[0] = window.stride[1] = SIZE_MAX;
    window.ceil_mode = 1;
    return host->pool2d(graph, x, YOLO_POOL_MAX, &window);
}
