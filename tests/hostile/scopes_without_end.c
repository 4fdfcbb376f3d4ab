/* error: a name of more than 64 scopes */
#include "hostile.h"

BUILD
{
    while (host->status(graph) == YOLO_STATUS_OK)
        host->push_scope(graph, yolo_text("deeper"));
    return x;
}
