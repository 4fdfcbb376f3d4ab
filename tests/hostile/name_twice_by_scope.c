/* error: `model.1.a.bn.weight` is defined twice */
#include "hostile.h"

BUILD
{
    x = host->batch_norm(graph, yolo_text("a.bn"), x);
    host->push_scope(graph, yolo_text("a"));
    x = host->batch_norm(graph, yolo_text("bn"), x);
    host->pop_scope(graph);
    return x;
}
