/* error: is larger than */
#include "hostile.h"

SHAPE
{
    call->output->rank = 2;
    call->output->shape[0] = call->output->shape[1] = (size_t)1 << 40;
    return YOLO_STATUS_OK;
}

OPERATION(op.shape = shape)
