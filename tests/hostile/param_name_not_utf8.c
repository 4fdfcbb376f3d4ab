/* error: `Hostile`: a parameter's name is not UTF-8 */
#include "hostile.h"

HOSTILE(params[0].name = yolo_text("k\x80"))
