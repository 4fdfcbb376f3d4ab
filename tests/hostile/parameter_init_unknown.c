/* error: a kind that this host does not know */
#include "hostile.h"

BUILD
{
    yolo_init init = { 99, 0.0, 0.0 };
    size_t shape[4] = { 1, 8, 1, 1 };
    return host->parameter(graph, yolo_text("p"), shape, 4, init);
}
