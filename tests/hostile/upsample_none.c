/* error: is empty */
#include "hostile.h"

BUILD
{
    return host->upsample(graph, x, 0, YOLO_UPSAMPLE_BILINEAR);
}
