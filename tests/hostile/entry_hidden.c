/* error: is a dynamic library, but not a plugin: it does not export yolo_plugin_entry */
__attribute__((visibility("hidden"))) int yolo_plugin_entry(void);

int yolo_plugin_entry(void)
{
    return 0;
}
