/* error: a parameter's name of */
#include "hostile.h"

BUILD
{
    static char name[60000];
    yolo_str text = { name, sizeof name };
    memset(name, 'n', sizeof name);
    return host->batch_norm(graph, text, x);
}
