/* error: a text or list has 18446744073709551615 elements, where 65536 are the most */
#include "hostile.h"

BUILD
{
    yolo_str text = { "bn", SIZE_MAX };
    return host->batch_norm(graph, text, x);
}
