/* error: not on a Monday */
#include "hostile.h"

BUILD
{
    host->fail(graph, yolo_text("not on a Monday"));
    return host->fail(graph, yolo_text("nor on a Tuesday"));
}
