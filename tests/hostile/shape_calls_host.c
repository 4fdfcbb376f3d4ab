/* error: the host was called from */
#include "hostile.h"

static yolo_call kept;

SHAPE
{
    kept.host->affine(kept.graph, kept.inputs[0], 1.0, 0.0);
    return same_shape(user, call);
}

BUILD
{
    kept = *call;
    op.shape = shape;
    return host->custom(graph, &op, &x, 1, NULL, 0);
}
