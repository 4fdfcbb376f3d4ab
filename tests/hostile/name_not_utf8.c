/* error: a text is not UTF-8 */
#include "hostile.h"

BUILD
{
    return host->batch_norm(graph, yolo_text("bn\xff"), x);
}
