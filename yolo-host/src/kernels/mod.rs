//! CPU kernels for training: forward and backward of every operation, on slices and sizes.
//!
//! A tensor of four axes lies channels-last, `[batch, height, width, channels]`; every other one row-major. A dense
//! convolution's weight lies `[ky, kx, in, out]`, a depthwise one's `[ky, kx, channel]`. Each kernel has a readable
//! reference, generic over f32 and f64, and for f32 a fast path; every sum has a fixed order, so that the number of threads
//! changes no bit.

pub mod act;
mod conv;
mod dense;
mod dense_weight;
mod depthwise;
mod float;
pub mod fused;
mod isa;
pub mod lines;
pub mod matrix;
pub mod norm;
mod parallel;
pub mod peak;
mod plan;
pub mod pool;
pub mod resize;
pub mod shape;
mod simd;
mod tile;

pub use conv::{Conv, ConvShape, from_rows, is_depthwise, to_rows};
pub use float::Float;
pub use isa::{Isa, isa};
pub use plan::{Plan, Window};
