/* error: is empty */
#include "hostile.h"

BUILD
{
    return host->linear(graph, yolo_text("fc"), x, 0, 0);
}
