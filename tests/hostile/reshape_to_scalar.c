/* error: elements do not fit [] */
#include "hostile.h"

BUILD
{
    return host->reshape(graph, x, NULL, 0);
}
