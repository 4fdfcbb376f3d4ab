/* error: `model.1.bn.weight` is defined twice */
#include "hostile.h"

BUILD
{
    return host->batch_norm(graph, yolo_text("bn"), host->batch_norm(graph, yolo_text("bn"), x));
}
