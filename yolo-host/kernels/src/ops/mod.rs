//! What training and inference share: activations, pooling, layer normalisation, strided copies, products of matrices.

pub mod activation;
pub mod layer_norm;
pub mod matrix;
pub mod pool;
pub mod resize;
pub mod strided;
pub(crate) mod window;

pub use window::{Plan, Window};
