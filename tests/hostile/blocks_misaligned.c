/* error: it has no readable list of at most */
#include "hostile.h"

HOSTILE(plugin.blocks = (const yolo_block *const *)(const void *)((const char *)blocks + 1))
