/* error: its version is not UTF-8 */
#include "hostile.h"

HOSTILE(plugin.version = yolo_text("\xc3("))
