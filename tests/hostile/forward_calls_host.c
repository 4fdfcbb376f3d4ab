/* error: custom operation `twice`: calls the host */
#include "hostile.h"

static yolo_call kept;

FORWARD
{
    kept.host->affine(kept.graph, 1, 1.0, 0.0);
    return doubled(user, call);
}

BUILD
{
    kept = *call;
    op.forward = forward;
    return host->custom(graph, &op, &x, 1, NULL, 0);
}
