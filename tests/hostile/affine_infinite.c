/* works */
#include "hostile.h"

BUILD
{
    static double zero;
    return host->affine(graph, x, 1.0 / zero, 0.0 / zero);
}
