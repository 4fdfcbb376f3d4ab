/* error: `Hostile`: a choice is not UTF-8 */
#include "hostile.h"

HOSTILE(
    static yolo_str word;
    word = yolo_text("\xff");
    params[0].choices = &word;
    params[0].choices_len = 1)
