/* error: custom operation `twice`: failed with status 77 */
#include "hostile.h"

FORWARD
{
    call->output->rank = 0;
    return 77;
}

OPERATION(op.forward = forward)
