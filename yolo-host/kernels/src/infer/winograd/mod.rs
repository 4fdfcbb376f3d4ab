//! 3×3 convolution in f32 by Winograd's minimal filtering. Per channel, a tile of F(4×4, 3×3) takes 36 products instead of 144,
//! and one of F(2×2, 3×3) 16 instead of 36 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308); with
//! stride 2, 2×2 outputs take 25 products instead of 36.
//!
//! Weights are transformed when they are packed. A run has three stages: input tiles are transformed; for each of the 36, 25 or
//! 16 points, the tiles times the weights are a matrix product, which the micro-kernel computes; products are transformed back
//! and go through the epilogue.

mod conv;
mod run;
mod stages;
mod transform;
mod workspace;

pub use conv::Winograd;
