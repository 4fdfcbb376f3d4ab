//! The family as a dynamic library, for `yolo --plugin`.

use yolo_shufflenetv2 as _;

yolo_plugin::export!();
