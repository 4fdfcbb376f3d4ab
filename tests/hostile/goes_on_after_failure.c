/* error: softmax: there is no axis 9 */
#include "hostile.h"

BUILD
{
    host->softmax(graph, x, 9);
    for (long i = 0; i < 5000000; i++)
        x = host->affine(graph, x, 1.0, 0.0);
    return x;
}
