/* error: the host was called with a graph that is not the one */
#include "hostile.h"

BUILD
{
    host->pop_scope(NULL);
    return x;
}
