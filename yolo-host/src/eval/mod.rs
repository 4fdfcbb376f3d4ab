//! From raw maps to detections, decoding and non-maximum suppression, with test-time augmentation around them, and from
//! detections and labels to metrics.

mod confusion;
mod decode;
mod head;
mod matching;
mod metrics;
mod nms;
mod postprocess;
mod precision;
mod views;

pub use confusion::Confusion;
pub use decode::decode;
pub use head::Head;
pub use matching::IOU_THRESHOLDS;
pub use metrics::{ClassRow, Curves, Metrics, Summary};
pub use nms::{Detection, NmsOptions, non_max_suppression};
#[cfg(feature = "onnx")]
pub(crate) use nms::{MAX_SIDE, MIN_SIDE};
pub use postprocess::{Objects, postprocess, rows};
pub use precision::CURVE_POINTS;
pub use views::{View, views};

/// One object as its label tells it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    /// Index of the class.
    pub class: usize,
    /// Left, top, right, bottom in pixels of the photograph.
    pub rect: [f32; 4],
}
