//! One operation of the graph at a time, on tensors of the CPU: what training runs between convolutions, and inference where
//! nothing is fused.

mod broadcast;
mod buffer_pool;
mod ops;
mod scratch;
mod tensor;

pub use buffer_pool::Pool;
pub use ops::{Reverse, backward, forward};
pub use tensor::{Ref, Tensor, from_rows, map_sizes, to_rows};
