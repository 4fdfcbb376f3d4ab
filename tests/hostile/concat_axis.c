/* error: there is no axis 18446744073709551615 */
#include "hostile.h"

BUILD
{
    return host->concat(graph, &x, 1, SIZE_MAX);
}
