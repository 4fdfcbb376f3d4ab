/* error: twice: its output has 0 axes */
#include "hostile.h"

SHAPE
{
    call->message[0] = 0;
    return YOLO_STATUS_OK;
}

OPERATION(op.shape = shape)
