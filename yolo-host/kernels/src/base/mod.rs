//! What all kernels are built on: instruction sets, threads, aligned memory.

pub mod aligned;
mod float;
pub(crate) mod isa;
pub(crate) mod parallel;
pub mod peak;
pub(crate) mod prefetch;
pub(crate) mod simd;

pub use float::{Float, Scratch};
pub use isa::{Isa, isa};
