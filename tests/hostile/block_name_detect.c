/* error: `Detect` is a name of the program */
#include "hostile.h"

HOSTILE(block.name = yolo_text("Detect"))
