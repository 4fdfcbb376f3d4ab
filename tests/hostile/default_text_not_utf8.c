/* error: `Hostile`: a default is not UTF-8 */
#include "hostile.h"

HOSTILE(
    params[0].kind = params[0].default_value.kind = YOLO_KIND_CHOICE;
    params[0].default_value.text = yolo_text("\xff"))
