//! The block families of this repository. Each registers its blocks as it is linked; naming the crate here is all it takes.

#[cfg(feature = "ghost")]
use yolo_ghost as _;
#[cfg(feature = "mobilenetv3")]
use yolo_mobilenetv3 as _;
#[cfg(feature = "shufflenetv2")]
use yolo_shufflenetv2 as _;
