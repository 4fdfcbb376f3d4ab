/* error: a scope was closed that was never opened */
#include "hostile.h"

BUILD
{
    host->push_scope(graph, yolo_text("open"));
    host->pop_scope(graph);
    host->pop_scope(graph);
    return x;
}
