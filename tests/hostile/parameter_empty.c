/* error: is empty */
#include "hostile.h"

BUILD
{
    yolo_init init = { YOLO_INIT_CONSTANT, 1.0, 0.0 };
    size_t shape[2] = { 8, 0 };
    return host->parameter(graph, yolo_text("p"), shape, 2, init);
}
