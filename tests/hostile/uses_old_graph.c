/* error: the host was called with a graph other than the one that is being built */
#include "hostile.h"

BUILD
{
    static yolo_graph *kept;
    if (!kept)
        kept = graph;
    host->affine(kept, x, 1.0, 0.0);
    return x;
}
