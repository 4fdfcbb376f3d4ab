/* error: its entry function returns nothing */
#include "yolo_plugin.h"

const yolo_plugin *yolo_plugin_entry(void)
{
    return NULL;
}
