/* error: layer_norm: needs [batch, channels, height, width] */
#include "hostile.h"

BUILD
{
    int64_t flat[1] = { -1 };
    return host->layer_norm(graph, yolo_text("ln"), host->reshape(graph, x, flat, 1), 1e-6);
}
