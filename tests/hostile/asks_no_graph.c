/* error: the host was called with a graph other than the one that is being built */
#include "hostile.h"

BUILD
{
    return host->status((yolo_graph *)(void *)host) == YOLO_STATUS_MISUSE ? x : YOLO_NONE;
}
