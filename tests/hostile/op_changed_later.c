/* works: doubled */
#include "hostile.h"

static yolo_op changed;

BUILD
{
    changed = op;
    x = host->custom(graph, &changed, &x, 1, NULL, 0);
    memset(&changed, 0xff, sizeof changed);
    return x;
}
