//! From raw maps to detections: decoding and non-maximum suppression.

mod decode;
mod nms;

pub use decode::{RawMap, decode};
pub use nms::{Detection, NmsOptions, non_max_suppression};
