/* error: the host was called with a graph other than the one that is being built */
#include "hostile.h"

BUILD
{
    host->pop_scope(NULL);
    return x;
}
