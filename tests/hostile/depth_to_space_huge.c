/* error: size is too large */
#include "hostile.h"

BUILD
{
    return host->depth_to_space(graph, x, (size_t)1 << 40, YOLO_ORDER_ROWS);
}
