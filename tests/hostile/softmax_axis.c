/* error: there is no axis 18446744073709551615 */
#include "hostile.h"

BUILD
{
    return host->softmax(graph, x, SIZE_MAX);
}
