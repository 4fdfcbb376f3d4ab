/* error: its name is not UTF-8 */
#include "hostile.h"

HOSTILE(plugin.name = yolo_text("\xff"))
