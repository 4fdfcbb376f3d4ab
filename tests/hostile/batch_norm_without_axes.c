/* error: batch_norm: needs [batch, channels, height, width] */
#include "hostile.h"

BUILD
{
    int64_t flat[1] = { -1 };
    return host->batch_norm(graph, yolo_text("bn"), host->reshape(graph, x, flat, 1));
}
