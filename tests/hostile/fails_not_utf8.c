/* error: not on a � Monday */
#include "hostile.h"

BUILD
{
    return host->fail(graph, yolo_text("not on a \xff Monday"));
}
