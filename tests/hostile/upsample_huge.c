/* error: size is too large */
#include "hostile.h"

BUILD
{
    return host->upsample(graph, x, (size_t)1 << 62, YOLO_UPSAMPLE_NEAREST);
}
