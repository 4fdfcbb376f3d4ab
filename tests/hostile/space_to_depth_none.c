/* error: must be multiples of 0 */
#include "hostile.h"

BUILD
{
    return host->space_to_depth(graph, x, 0, YOLO_ORDER_ROWS);
}
