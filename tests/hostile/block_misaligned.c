/* error: block 0 is null or misaligned */
#include "hostile.h"

HOSTILE(blocks[0] = (const yolo_block *)(const void *)((const char *)&block + 1))
