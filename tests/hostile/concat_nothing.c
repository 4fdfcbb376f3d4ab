/* error: concat: needs an input */
#include "hostile.h"

BUILD
{
    return host->concat(graph, &x, 0, 1);
}
