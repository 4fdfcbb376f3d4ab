//! The family as a dynamic library, for `yolo --plugin`.

use yolo_mobilenetv3 as _;

yolo_plugin::export!();
