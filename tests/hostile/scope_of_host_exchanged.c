/* error: a scope was closed that was never opened */
/* row: [-1, 2, Hostile, []] */
#include "hostile.h"

BUILD
{
    host->pop_scope(graph);
    host->push_scope(graph, yolo_text("mine"));
    return host->batch_norm(graph, yolo_text("bn"), x);
}
