/* works: same */
#include "hostile.h"

HOSTILE(static yolo_param two[2]; two[0] = two[1] = params[0]; block.params = two; block.params_len = 2)
