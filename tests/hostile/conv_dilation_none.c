/* error: kernel, stride and dilation must be at least 1 */
#include "hostile.h"

BUILD
{
    yolo_conv2d conv = yolo_same(8, 3);
    conv.dilation[1] = 0;
    return host->conv2d(graph, yolo_text("conv"), x, &conv);
}
