/* error: not on a � Monday */
#include "hostile.h"

FORWARD
{
    strcpy(call->message, "not on a \xff Monday");
    return YOLO_STATUS_ERROR;
}

OPERATION(op.forward = forward)
