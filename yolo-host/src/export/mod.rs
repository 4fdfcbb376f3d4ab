//! A model with its values as a file of another runtime.
#![deny(clippy::wildcard_enum_match_arm)] // a new operation or kind is named where it is missing

mod error;
pub mod ncnn;
#[cfg(feature = "onnx")]
pub mod onnx;

pub use error::Error;
