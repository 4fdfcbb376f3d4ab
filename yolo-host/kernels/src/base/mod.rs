//! What all kernels are built on: instruction sets, threads, aligned memory.

pub mod aligned;
pub(crate) mod cache;
pub(crate) mod dot_product;
mod float;
pub(crate) mod isa;
pub(crate) mod parallel;
pub mod peak;
pub(crate) mod prefetch;
pub(crate) mod simd;

pub use dot_product::{DotProduct, Numbers, has_instructions};
pub use float::{Float, Scratch};
pub use isa::{Isa, WrongKernels, check_kernels, isa, kernels};
