/* error: twice: only for 256 */
#include "hostile.h"

SHAPE
{
    same_shape(user, call);
    strcpy(call->message, "only for 256");
    return call->output->shape[2] == 256 ? YOLO_STATUS_OK : YOLO_STATUS_SHAPE;
}

OPERATION(op.shape = shape)
