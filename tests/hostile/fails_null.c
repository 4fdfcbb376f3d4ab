/* error: a pointer is null or misaligned */
#include "hostile.h"

BUILD
{
    yolo_str text = { NULL, 7 };
    return host->fail(graph, text);
}
