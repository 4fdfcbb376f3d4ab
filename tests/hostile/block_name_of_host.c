/* error: block `Conv` is there twice */
#include "hostile.h"

HOSTILE(block.name = yolo_text("Conv"))
