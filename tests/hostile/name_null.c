/* error: a pointer is null or misaligned */
#include "hostile.h"

BUILD
{
    yolo_str text = { NULL, 2 };
    return host->batch_norm(graph, text, x);
}
