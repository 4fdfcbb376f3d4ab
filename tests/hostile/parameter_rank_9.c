/* error: and 9 axes */
#include "hostile.h"

BUILD
{
    yolo_init init = { YOLO_INIT_CONSTANT, 1.0, 0.0 };
    size_t shape[9] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    return host->parameter(graph, yolo_text("p"), shape, 9, init);
}
