/* error: more than 1000000 inputs of operations */
#include "hostile.h"

BUILD
{
    static yolo_value many[65536];
    for (size_t i = 0; i < 65536; i++)
        many[i] = host->global_pool(graph, x, YOLO_POOL_MAX);
    while (host->status(graph) == YOLO_STATUS_OK)
        host->concat(graph, many, 65536, 1);
    return x;
}
