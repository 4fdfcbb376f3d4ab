/* error: a text or list has 1000000 elements, where 65536 are the most */
#include "hostile.h"

BUILD
{
    yolo_init init = { YOLO_INIT_CONSTANT, 1.0, 0.0 };
    size_t shape[1] = { 1 };
    return host->parameter(graph, yolo_text("p"), shape, 1000000, init);
}
