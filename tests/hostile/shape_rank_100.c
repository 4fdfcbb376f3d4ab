/* error: twice: its output has 100 axes */
#include "hostile.h"

SHAPE
{
    call->output->rank = 100;
    return YOLO_STATUS_OK;
}

OPERATION(op.shape = shape)
