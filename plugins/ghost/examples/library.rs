//! The family as a dynamic library, for `yolo --plugin`.

use yolo_ghost as _;

yolo_plugin::export!();
