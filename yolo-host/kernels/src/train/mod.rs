//! Kernels for training: convolution and batch norm, forward and backward.
//!
//! The weight of a dense convolution is `[ky, kx, in, out]`, that of a depthwise one `[ky, kx, channel]`. Each kernel has a
//! readable reference, generic over f32 and f64, and a fast path for f32. Every sum has a fixed order, so that the number of
//! threads changes no bit.

mod conv;
mod conv_float;
mod dense;
mod dense_weight;
mod depthwise;
mod depthwise_weight;
mod microkernel;
pub mod norm;

pub use conv::{Conv, ConvShape, hwio_to_oihw, is_depthwise, oihw_to_hwio};
pub use conv_float::ConvFloat;
