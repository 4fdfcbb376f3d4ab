//! Kernels for training: convolution and batch norm, forward and backward.
//!
//! A dense convolution's weight lies `[ky, kx, in, out]`, a depthwise one's `[ky, kx, channel]`. Each kernel has a readable
//! reference, generic over f32 and f64, and for f32 a fast path; every sum has a fixed order, so that the number of threads
//! changes no bit.

mod conv;
mod conv_float;
mod dense;
mod dense_weight;
mod depthwise;
pub mod norm;
mod tile;

pub use conv::{Conv, ConvShape, from_rows, is_depthwise, to_rows};
pub use conv_float::ConvFloat;
