/* error: custom operation `twice`: not on a Monday */
#include "hostile.h"

FORWARD
{
    strcpy(call->message, "not on a Monday");
    return YOLO_STATUS_ERROR;
}

OPERATION(op.forward = forward)
