/* error: size is too large */
#include "hostile.h"

BUILD
{
    size_t border[4] = { SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX };
    return host->pad(graph, x, border, 0.0);
}
