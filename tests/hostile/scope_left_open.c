/* error: a scope was opened and not closed */
#include "hostile.h"

BUILD
{
    host->push_scope(graph, yolo_text("open"));
    return x;
}
