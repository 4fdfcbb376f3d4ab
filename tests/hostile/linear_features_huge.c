/* error: brings the model over */
#include "hostile.h"

BUILD
{
    return host->linear(graph, yolo_text("fc"), x, (size_t)1 << 62, 1);
}
