/* works: doubled */
#include "hostile.h"

static yolo_value scaled(UNUSED const void *user, const yolo_call *call)
{
    return call->host->affine(call->graph, call->inputs[0], call->args[0].number, 0.0);
}

HOSTILE(
    block.build = scaled;
    params[0].kind = YOLO_KIND_FLOAT;
    params[0].default_value.integer = 2)
