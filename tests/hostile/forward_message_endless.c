/* error: mmmmmmmm */
#include "hostile.h"

FORWARD
{
    memset(call->message, 'm', call->message_len);
    return YOLO_STATUS_ERROR;
}

OPERATION(op.forward = forward)
