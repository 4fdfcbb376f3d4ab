/* error: is empty */
#include "hostile.h"

BUILD
{
    yolo_conv2d conv = yolo_same(8, 3);
    conv.out_channels = 0;
    return host->conv2d(graph, yolo_text("conv"), x, &conv);
}
