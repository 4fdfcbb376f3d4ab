/* works */
#include "hostile.h"

BUILD
{
    return host->batch_norm(graph, yolo_text("../../\n/etc/passwd"), x);
}
