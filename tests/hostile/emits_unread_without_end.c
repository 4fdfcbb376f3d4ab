/* error: more than 100000 operations */
#include "hostile.h"

BUILD
{
    while (host->message(graph).len == 0)
        host->activation(graph, x, YOLO_ACT_RELU, 0.0);
    return x;
}
