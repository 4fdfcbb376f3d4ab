/* error: a pointer is null or misaligned */
#include "hostile.h"

BUILD
{
    return host->conv2d(graph, yolo_text("conv"), x, NULL);
}
