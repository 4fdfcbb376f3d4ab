/* error: `Detect` is a name of the program's own; choose another */
#include "hostile.h"

HOSTILE(block.name = yolo_text("Detect"))
