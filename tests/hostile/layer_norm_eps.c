/* error: layer_norm `ln` needs an eps above 0, not 0 */
#include "hostile.h"

BUILD
{
    return host->layer_norm(graph, yolo_text("ln"), x, 0.0);
}
