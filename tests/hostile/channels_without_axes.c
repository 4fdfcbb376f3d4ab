/* error: a tensor of one axis has no channels */
#include "hostile.h"

BUILD
{
    yolo_init init = { YOLO_INIT_CONSTANT, 1.0, 0.0 };
    size_t shape = 8;
    return host->channels(graph, host->parameter(graph, yolo_text("p"), &shape, 1, init)) ? YOLO_NONE : x;
}
