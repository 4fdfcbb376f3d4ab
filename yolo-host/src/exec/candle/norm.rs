//! Batch norm in training and its gradient: by cuDNN on CUDA, by this crate's kernels on the CPU.

#[cfg(feature = "cudnn")]
use super::cudnn;
use super::host;
pub use super::trained::{Context, Trained};
use crate::graph::BATCH_NORM_EPS;
use candle_core::{Device, Result, Tensor};

/// Normalises maps by running mean and variance.
pub fn evaluate(x: &Tensor, weight: &Tensor, bias: &Tensor, [mean, var]: [&Tensor; 2]) -> Result<Tensor> {
    let by_channel = |x: &Tensor| x.reshape((1, (), 1, 1));
    let scale = (weight / (var + BATCH_NORM_EPS)?.sqrt()?)?;
    let shift = (bias - (mean * &scale)?)?;
    x.broadcast_mul(&by_channel(&scale)?)?.broadcast_add(&by_channel(&shift)?)
}

/// Normalises maps by the statistics of the batch, and moves running mean and variance towards them.
pub fn train(x: &Tensor, weight: &Tensor, bias: &Tensor, running: [&Tensor; 2]) -> Result<Trained> {
    match x.device() {
        Device::Cpu => host::norm_train(x, weight, bias, running),
        #[cfg(feature = "cudnn")]
        Device::Cuda(_) => cudnn::norm_train(x, weight, bias, running),
        _ => Err(host::no_engine("batch norm")),
    }
}

/// The gradients of x, weight and bias.
pub fn backward(x: &Tensor, context: &Context, weight: &Tensor, grad: &Tensor) -> Result<[Tensor; 3]> {
    match x.device() {
        Device::Cpu => host::norm_backward(x, context, weight, grad),
        #[cfg(feature = "cudnn")]
        Device::Cuda(_) => cudnn::norm_backward(x, context, weight, grad),
        _ => Err(host::no_engine("batch norm")),
    }
}
