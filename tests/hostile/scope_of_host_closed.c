/* error: a scope was closed that was never opened */
/* row: [-1, 2, Hostile, []] */
#include "hostile.h"

BUILD
{
    host->pop_scope(graph);
    return x;
}
