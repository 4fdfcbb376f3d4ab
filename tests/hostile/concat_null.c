/* error: a text or list has 1099511627776 elements, where 65536 are the most */
#include "hostile.h"

BUILD
{
    return host->concat(graph, NULL, (size_t)1 << 40, 1);
}
