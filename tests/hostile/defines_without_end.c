/* error: more than 100000 operations */
#include "hostile.h"

BUILD
{
    char name[] = "0000000000000000";
    yolo_init init = { YOLO_INIT_CONSTANT, 0.0, 0.0 };
    size_t shape = 1;
    for (uint64_t i = 0; host->status(graph) == YOLO_STATUS_OK; i++) {
        for (int bit = 0; bit < 16; bit++)
            name[bit] = (char)('a' + (i >> bit & 1) + (i >> 16 << 1));
        host->parameter(graph, yolo_text(name), &shape, 1, init);
    }
    return x;
}
