/* error: a kind that this host does not know */
#include "hostile.h"

BUILD
{
    yolo_pool2d window = { { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 }, 0 };
    window.ceil_mode = 1;
    return host->pool2d(graph, x, 99, &window);
}
