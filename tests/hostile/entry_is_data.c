/* error: is not a sound plugin: its yolo_plugin_entry is not a function */
int yolo_plugin_entry[64] = { 1 };
