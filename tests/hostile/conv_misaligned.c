/* error: a pointer is null or misaligned */
#include "hostile.h"

BUILD
{
    static yolo_conv2d conv[2];
    return host->conv2d(graph, yolo_text("conv"), x, MISALIGNED(conv));
}
