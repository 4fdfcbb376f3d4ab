/* error: twice: its output has 18446744073709551615 axes */
#include "hostile.h"

SHAPE
{
    call->output->rank = SIZE_MAX;
    return YOLO_STATUS_OK;
}

OPERATION(op.shape = shape)
