//! A model with its values as a file of another runtime.
#![deny(clippy::wildcard_enum_match_arm)] // a new operation or kind is named where it is missing

mod calibration;
mod error;
pub mod ncnn;
#[cfg(feature = "onnx")]
pub mod onnx;

pub use calibration::{Calibration, TensorRanges};
pub use error::Error;
