/* error: its entry function returns a misaligned address */
#include "yolo_plugin.h"

const yolo_plugin *yolo_plugin_entry(void)
{
    static char bytes[2 * sizeof(yolo_plugin)];
    return (const yolo_plugin *)(const void *)(bytes + 1 + (size_t)bytes % 2);
}
