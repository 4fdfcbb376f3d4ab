/* works: nan */
#include "hostile.h"

FORWARD
{
    call->output->rank = 0;
    return YOLO_STATUS_OK;
}

OPERATION(op.forward = forward)
