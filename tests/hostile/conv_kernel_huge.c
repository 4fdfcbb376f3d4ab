/* error: brings the model over */
#include "hostile.h"

BUILD
{
    yolo_conv2d conv = yolo_same(8, 3);
    conv.kernel[0] = conv.kernel[1] = (size_t)1 << 32;
    return host->conv2d(graph, yolo_text("conv"), x, &conv);
}
