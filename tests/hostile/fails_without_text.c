/* error: the block reports an error without a text */
#include "hostile.h"

BUILD
{
    yolo_str text = { NULL, 0 };
    return host->fail(graph, text);
}
