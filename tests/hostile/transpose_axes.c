/* error: there are no axes 0 and 18446744073709551615 */
#include "hostile.h"

BUILD
{
    return host->transpose(graph, x, 0, SIZE_MAX);
}
