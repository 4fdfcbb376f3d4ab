/* error: `Hostile`: its help is not UTF-8 */
#include "hostile.h"

HOSTILE(block.help = yolo_text("\xed\xa0\x80"))
