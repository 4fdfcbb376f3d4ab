/* works: doubled */
#include "hostile.h"

FORWARD
{
    strcpy(call->message, "all is well");
    return doubled(user, call);
}

OPERATION(op.forward = forward)
