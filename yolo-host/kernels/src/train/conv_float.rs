//! Which kernels compute a convolution of f32, and which of f64.

use super::{dense, dense_weight, depthwise};
use crate::base::{Float, Isa, isa};

/// Precision that convolutions train on: f32 by the fast kernels, f64 by the reference kernels, for checking whole networks.
pub trait ConvFloat: Float {
    /// Forward, or the gradient by the input: see `dense::Dense`.
    fn dense(job: &dense::Dense<Self>, dst: &mut [Self]);
    /// The gradient by the weight: see `dense_weight::DenseWeight`.
    fn dense_weight(job: &dense_weight::DenseWeight<Self>, grad: &mut [Self]);
    /// Forward, or the gradient by the input: see `depthwise::Depthwise`.
    fn depthwise(job: &depthwise::Depthwise<Self>, dst: &mut [Self]);
    /// The gradient by the weight: see `depthwise::DepthwiseWeight`.
    fn depthwise_weight(job: &depthwise::DepthwiseWeight<Self>, grad: &mut [Self]);
}

impl ConvFloat for f64 {
    fn dense(job: &dense::Dense<Self>, dst: &mut [Self]) {
        dense::reference(job, dst);
    }

    fn dense_weight(job: &dense_weight::DenseWeight<Self>, grad: &mut [Self]) {
        dense_weight::reference(job, grad);
    }

    fn depthwise(job: &depthwise::Depthwise<Self>, dst: &mut [Self]) {
        depthwise::reference(job, dst);
    }

    fn depthwise_weight(job: &depthwise::DepthwiseWeight<Self>, grad: &mut [Self]) {
        depthwise::weight_reference(job, grad);
    }
}

impl ConvFloat for f32 {
    fn dense(job: &dense::Dense<Self>, dst: &mut [Self]) {
        match isa() {
            Isa::Reference => dense::reference(job, dst),
            fast => dense::fast(fast, job, dst),
        }
    }

    fn dense_weight(job: &dense_weight::DenseWeight<Self>, grad: &mut [Self]) {
        match isa() {
            Isa::Reference => dense_weight::reference(job, grad),
            fast => dense_weight::fast(fast, job, grad),
        }
    }

    fn depthwise(job: &depthwise::Depthwise<Self>, dst: &mut [Self]) {
        match isa() {
            Isa::Reference => depthwise::reference(job, dst),
            fast => depthwise::fast(fast, job, dst),
        }
    }

    fn depthwise_weight(job: &depthwise::DepthwiseWeight<Self>, grad: &mut [Self]) {
        match isa() {
            Isa::Reference => depthwise::weight_reference(job, grad),
            fast => depthwise::weight_fast(fast, job, grad),
        }
    }
}
