/* works */
#include "hostile.h"

BUILD
{
    static double zero;
    yolo_init init = { YOLO_INIT_NORMAL, 0.0 / zero, -1.0 / zero };
    size_t shape[4] = { 1, 8, 1, 1 };
    return host->mul(graph, x, host->parameter(graph, yolo_text("p"), shape, 4, init));
}
