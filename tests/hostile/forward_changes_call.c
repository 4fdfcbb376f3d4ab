/* works: doubled */
#include "hostile.h"

FORWARD
{
    doubled(user, call);
    call->output->rank = 100;
    call->output->data = NULL;
    call->output->len = SIZE_MAX;
    memset(call, 0xff, sizeof *call);
    return YOLO_STATUS_OK;
}

OPERATION(op.forward = forward)
