/* error: is a dynamic library, but not a plugin: it does not export yolo_plugin_entry */
int other_entry(void)
{
    return 0;
}
