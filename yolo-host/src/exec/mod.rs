//! Networks that run: for inference on the CPU, for training on the CPU, and both on candle tensors.
//!
//! ```text
//! error, precision, network   what every executor is to others
//!  ├─ primitive         one operation of the graph on tensors of the CPU
//!  │   ├─ engine        fused inference on the CPU
//!  │   └─ train_cpu     forward and reverse on the CPU's kernels
//!  ├─ candle            forward and reverse on candle tensors, by cuDNN on CUDA (a feature)
//!  └─ device            which of them
//! ```
#![deny(clippy::wildcard_enum_match_arm)] // a new operation or kind is named where it is missing

#[cfg(feature = "candle")]
pub mod candle;
mod device;
pub mod engine;
mod error;
mod network;
mod plan;
mod precision;
mod primitive;
pub mod train_cpu;

pub use device::Device;
pub use error::Error;
pub use network::{Images, Network};
pub use precision::Precision;
