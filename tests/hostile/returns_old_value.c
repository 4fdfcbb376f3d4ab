/* error: is not a tensor of this model */
#include "hostile.h"

BUILD
{
    static yolo_value kept;
    if (!kept)
        kept = host->affine(graph, x, 1.0, 0.0);
    return kept;
}
