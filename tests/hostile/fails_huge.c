/* error: a text or list has 18446744073709551615 elements, where 65536 are the most */
#include "hostile.h"

BUILD
{
    yolo_str text = yolo_text("short");
    text.len = SIZE_MAX;
    return host->fail(graph, text);
}
