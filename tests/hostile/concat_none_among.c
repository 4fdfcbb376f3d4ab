/* error: no tensor (YOLO_NONE) where one is needed */
#include "hostile.h"

BUILD
{
    yolo_value both[2] = { x, YOLO_NONE };
    return host->concat(graph, both, 2, 1);
}
