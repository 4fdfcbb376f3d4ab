//! The two kinds of numbers that kernels are made for.

use super::isa::{Isa, isa};
use super::{dense, depthwise};
use num_traits::NumAssign;
use std::fmt::Debug;
use std::iter::Sum;

/// f32 with fast kernels, or f64 with the reference kernels, for checking whole networks.
pub trait Float: num_traits::Float + NumAssign + Default + Debug + Send + Sync + Sum + 'static {
    /// Nearest number of this kind.
    fn of(value: f64) -> Self;
    /// The same number in double precision.
    fn f64(self) -> f64;

    /// See [`dense::Dense`].
    fn dense(job: &dense::Dense<Self>, dst: &mut [Self]);
    /// See [`dense::DenseWeight`].
    fn dense_weight(job: &dense::DenseWeight<Self>, grad: &mut [Self]);
    /// See [`depthwise::Depthwise`].
    fn depthwise(job: &depthwise::Depthwise<Self>, dst: &mut [Self]);
    /// See [`depthwise::DepthwiseWeight`].
    fn depthwise_weight(job: &depthwise::DepthwiseWeight<Self>, grad: &mut [Self]);
}

impl Float for f64 {
    fn of(value: f64) -> Self {
        value
    }

    fn f64(self) -> f64 {
        self
    }

    fn dense(job: &dense::Dense<Self>, dst: &mut [Self]) {
        dense::reference(job, dst);
    }

    fn dense_weight(job: &dense::DenseWeight<Self>, grad: &mut [Self]) {
        dense::weight_reference(job, grad);
    }

    fn depthwise(job: &depthwise::Depthwise<Self>, dst: &mut [Self]) {
        depthwise::reference(job, dst);
    }

    fn depthwise_weight(job: &depthwise::DepthwiseWeight<Self>, grad: &mut [Self]) {
        depthwise::weight_reference(job, grad);
    }
}

impl Float for f32 {
    fn of(value: f64) -> Self {
        value as f32
    }

    fn f64(self) -> f64 {
        self.into()
    }

    fn dense(job: &dense::Dense<Self>, dst: &mut [Self]) {
        match isa() {
            Isa::Reference => dense::reference(job, dst),
            fast => dense::fast(fast, job, dst),
        }
    }

    fn dense_weight(job: &dense::DenseWeight<Self>, grad: &mut [Self]) {
        match isa() {
            Isa::Reference => dense::weight_reference(job, grad),
            fast => dense::weight_fast(fast, job, grad),
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
