/* error: its name is not UTF-8 */
#include "hostile.h"

HOSTILE(block.name = yolo_text("Hostile\xff"))
