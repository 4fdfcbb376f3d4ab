/* error: do not split into 18446744073709551615 groups */
#include "hostile.h"

BUILD
{
    yolo_conv2d conv = yolo_same(8, 3);
    conv.groups = SIZE_MAX;
    return host->conv2d(graph, yolo_text("conv"), x, &conv);
}
