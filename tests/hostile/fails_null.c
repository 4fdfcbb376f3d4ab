/* error: a text is null */
#include "hostile.h"

BUILD
{
    yolo_str text = { NULL, 7 };
    return host->fail(graph, text);
}
