/* error: is not a tensor of this model */
#include "hostile.h"

BUILD
{
    static yolo_value kept;
    if (!kept)
        kept = x;
    return host->add(graph, x, kept);
}
