/* error: its name has 5000 bytes, where 4096 are the most */
#include "hostile.h"

static char name[5000];

HOSTILE(
    memset(name, 'n', sizeof name);
    block.name.data = name;
    block.name.len = sizeof name)
