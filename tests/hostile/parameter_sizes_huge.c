/* error: brings the model over */
#include "hostile.h"

BUILD
{
    yolo_init init = { YOLO_INIT_CONSTANT, 1.0, 0.0 };
    size_t shape[2] = { (size_t)1 << 40, (size_t)1 << 40 };
    return host->parameter(graph, yolo_text("p"), shape, 2, init);
}
