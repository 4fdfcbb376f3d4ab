/* error: softmax: there is no axis 9 */
#include "hostile.h"

BUILD
{
    host->softmax(graph, x, 9);
    return x;
}
