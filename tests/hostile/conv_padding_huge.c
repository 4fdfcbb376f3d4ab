/* error: size is too large */
#include "hostile.h"

BUILD
{
    yolo_conv2d conv = yolo_same(8, 3);
    conv.padding[0] = conv.padding[1] = (size_t)1 << 63;
    return host->conv2d(graph, yolo_text("conv"), x, &conv);
}
