/* error: build returned no tensor, and no error either */
#include "hostile.h"

BUILD
{
    return YOLO_NONE;
}
