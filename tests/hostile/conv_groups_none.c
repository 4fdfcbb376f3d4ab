/* error: do not split into 0 groups */
#include "hostile.h"

BUILD
{
    yolo_conv2d conv = yolo_same(8, 3);
    conv.groups = 0;
    return host->conv2d(graph, yolo_text("conv"), x, &conv);
}
