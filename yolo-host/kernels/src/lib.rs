//! CPU kernels of the operations of YOLOv5 networks, on slices and sizes: no graph, no tensors.
//!
//! ```text
//! base   instruction sets, vectors, threads, aligned memory
//!  └─ ops     activations, pooling, strided copies, products of matrices
//!      ├─ train   convolution and batch norm, forward and backward
//!      └─ infer   convolutions with everything around them fused, in f32, bf16 and int8
//! ```
//!
//! A tensor of four axes lies channels-last, `[batch, height, width, channels]`; every other one row-major.

pub mod base;
pub mod infer;
pub mod ops;
#[cfg(test)]
mod testing;
pub mod train;

pub use base::{Float, Isa, isa};
pub use ops::Window;
pub use train::{Conv, ConvFloat, ConvShape};
