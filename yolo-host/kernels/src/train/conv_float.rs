//! Which kernels compute a convolution in f32, and which in f64.

use super::{dense, dense_weight, depthwise, depthwise_weight};
use crate::base::{Float, Isa, isa};

/// Numbers that convolutions train in: f32 by the fast kernels, or f64 by the reference kernels, for checking whole networks.
pub trait ConvFloat: Float {
    /// Forward, or the gradient by the input: see `dense::Dense`.
    fn dense(conv: &dense::Dense<Self>, dst: &mut [Self]);
    /// The gradient by the weight: see `dense_weight::DenseWeight`.
    fn dense_weight(conv: &dense_weight::DenseWeight<Self>, grad: &mut [Self]);
    /// Forward, or the gradient by the input: see `depthwise::Depthwise`.
    fn depthwise(conv: &depthwise::Depthwise<Self>, dst: &mut [Self]);
    /// The gradient by the weight: see `depthwise_weight::DepthwiseWeight`.
    fn depthwise_weight(conv: &depthwise_weight::DepthwiseWeight<Self>, grad: &mut [Self]);
}

impl ConvFloat for f64 {
    fn dense(conv: &dense::Dense<Self>, dst: &mut [Self]) {
        dense::reference(conv, dst);
    }

    fn dense_weight(conv: &dense_weight::DenseWeight<Self>, grad: &mut [Self]) {
        dense_weight::reference(conv, grad);
    }

    fn depthwise(conv: &depthwise::Depthwise<Self>, dst: &mut [Self]) {
        depthwise::reference(conv, dst);
    }

    fn depthwise_weight(conv: &depthwise_weight::DepthwiseWeight<Self>, grad: &mut [Self]) {
        depthwise_weight::reference(conv, grad);
    }
}

impl ConvFloat for f32 {
    fn dense(conv: &dense::Dense<Self>, dst: &mut [Self]) {
        match isa() {
            Isa::Reference => dense::reference(conv, dst),
            fast => dense::fast(fast, conv, dst),
        }
    }

    fn dense_weight(conv: &dense_weight::DenseWeight<Self>, grad: &mut [Self]) {
        match isa() {
            Isa::Reference => dense_weight::reference(conv, grad),
            fast => dense_weight::fast(fast, conv, grad),
        }
    }

    fn depthwise(conv: &depthwise::Depthwise<Self>, dst: &mut [Self]) {
        match isa() {
            Isa::Reference => depthwise::reference(conv, dst),
            fast => depthwise::fast(fast, conv, dst),
        }
    }

    fn depthwise_weight(conv: &depthwise_weight::DepthwiseWeight<Self>, grad: &mut [Self]) {
        match isa() {
            Isa::Reference => depthwise_weight::reference(conv, grad),
            fast => depthwise_weight::fast(fast, conv, grad),
        }
    }
}
