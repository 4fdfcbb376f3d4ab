/* error: a name of more than */
#include "hostile.h"

BUILD
{
    static char name[300];
    yolo_str text = { name, sizeof name };
    memset(name, 'n', sizeof name);
    host->push_scope(graph, text);
    host->pop_scope(graph);
    return x;
}
