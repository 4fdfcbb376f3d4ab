/* error: twice: failed with status 77 */
#include "hostile.h"

SHAPE
{
    call->output->rank = 4;
    return 77;
}

OPERATION(op.shape = shape)
