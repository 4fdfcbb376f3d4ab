/* error: twice: not on a Monday */
#include "hostile.h"

SHAPE
{
    strcpy(call->message, "not on a Monday");
    return YOLO_STATUS_ERROR;
}

OPERATION(op.shape = shape)
