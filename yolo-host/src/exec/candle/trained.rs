//! What batch norm in training makes, by whatever computes it.

use candle_core::Tensor;

/// What the gradient needs: mean and 1 / √(variance + ε) of each channel of the batch.
#[derive(Debug)]
pub struct Context {
    /// `[channels]`
    pub mean: Tensor,
    /// `[channels]`
    pub inverse: Tensor,
}

/// The results of a forward pass in training.
#[derive(Debug)]
pub struct Trained {
    /// The output.
    pub y: Tensor,
    /// For the gradient.
    pub context: Context,
    /// Running mean and variance, moved.
    pub running: [Tensor; 2],
}
