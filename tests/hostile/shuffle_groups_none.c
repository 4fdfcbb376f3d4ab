/* error: do not split into 0 groups */
#include "hostile.h"

BUILD
{
    return host->channel_shuffle(graph, x, 0);
}
