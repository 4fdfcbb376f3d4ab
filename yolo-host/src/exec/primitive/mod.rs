//! One operation of the graph at a time, on tensors of the CPU: what training runs between convolutions, and inference where
//! nothing is fused.
#![deny(clippy::wildcard_enum_match_arm)] // a new operation or kind is named where it is missing

mod broadcast;
mod buffer_pool;
mod ops;
mod spare;
mod tensor;

pub use buffer_pool::Pool;
pub use ops::{Reverse, backward, forward};
pub use tensor::{Ref, Tensor, from_rows, map_sizes, to_rows};
