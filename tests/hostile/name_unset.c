/* works */
#include "hostile.h"

BUILD
{
    yolo_str text = { NULL, 0 };
    return host->batch_norm(graph, text, x);
}
