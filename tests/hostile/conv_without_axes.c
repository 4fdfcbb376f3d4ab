/* error: conv2d `conv` needs [batch, channels, height, width] */
#include "hostile.h"

BUILD
{
    int64_t flat[2] = { 0, -1 };
    yolo_conv2d conv = yolo_same(8, 1);
    return host->conv2d(graph, yolo_text("conv"), host->reshape(graph, x, flat, 2), &conv);
}
