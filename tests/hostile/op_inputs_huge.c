/* error: elements, where 65536 are the most */
#include "hostile.h"

BUILD
{
    return host->custom(graph, &op, &x, SIZE_MAX, NULL, 0);
}
