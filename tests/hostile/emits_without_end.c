/* error: more than 100000 operations */
#include "hostile.h"

BUILD
{
    while (host->status(graph) == YOLO_STATUS_OK)
        x = host->affine(graph, x, 1.0, 0.0);
    return x;
}
