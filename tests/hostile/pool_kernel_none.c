/* error: kernel, stride and dilation must be at least 1 */
#include "hostile.h"

BUILD
{
    yolo_pool2d window = { { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 }, 0 };
    window.kernel[0] = window.padding[0] = 0;
    return host->pool2d(graph, x, YOLO_POOL_MAX, &window);
}
