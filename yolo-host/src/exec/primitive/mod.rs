//! One operation of the graph at a time, on tensors of the CPU: what training runs between convolutions, and inference where
//! nothing is fused.

mod apply;
mod spare;
mod tensor;

pub use apply::{apply, axis_copy, matrix_sizes, moved_last, rows, scales, scatter, single};
pub use tensor::{
    Ref, Tensor, broadcast_steps, from_rows, logical_strides, map_sizes, order, physical, to_rows,
};
