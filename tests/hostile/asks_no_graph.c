/* error: the host was called with a graph that is not the one */
#include "hostile.h"

BUILD
{
    return host->status((yolo_graph *)(void *)host) == YOLO_STATUS_MISUSE ? x : YOLO_NONE;
}
