/* works */
#include "hostile.h"

BUILD
{
    yolo_conv2d conv = yolo_same(8, 3);
    conv.stride[0] = conv.stride[1] = SIZE_MAX;
    return host->conv2d(graph, yolo_text("conv"), x, &conv);
}
