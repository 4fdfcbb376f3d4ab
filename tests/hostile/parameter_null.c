/* error: a pointer is null or misaligned */
#include "hostile.h"

BUILD
{
    yolo_init init = { YOLO_INIT_CONSTANT, 1.0, 0.0 };
    return host->parameter(graph, yolo_text("p"), NULL, 2, init);
}
