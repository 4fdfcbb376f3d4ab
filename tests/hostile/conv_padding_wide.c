/* error: the input with its border [ */
#include "hostile.h"

BUILD
{
    yolo_conv2d conv = yolo_same(8, 3);
    conv.padding[0] = conv.stride[0] = (size_t)1 << 40;
    return host->conv2d(graph, yolo_text("conv"), x, &conv);
}
