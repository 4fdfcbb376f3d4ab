//! Tensors on the CPU: four axes lie channels-last, all others row-major.

use yolo_kernels::ConvFloat;
use yolo_kernels::ops::strided::{Axes, gather, strides};

/// A tensor of the graph; `shape` is the graph's, `[batch, channels, height, width]` for a map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor<T> {
    /// Sizes in the graph's order.
    pub shape: Vec<usize>,
    /// Elements in memory's order.
    pub data: Vec<T>,
}

/// A tensor that lies elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Ref<'a, T> {
    /// Sizes in the graph's order.
    pub shape: &'a [usize],
    /// Elements in memory's order.
    pub data: &'a [T],
}

impl<T> Tensor<T> {
    /// The tensor where it lies.
    pub fn view(&self) -> Ref<'_, T> {
        Ref { shape: &self.shape, data: &self.data }
    }
}

/// The axes of a map in memory's order.
const CHANNELS_LAST: [usize; 4] = [0, 2, 3, 1];

/// The axes in memory's order.
pub fn order(rank: usize) -> Axes {
    if rank == 4 { CHANNELS_LAST.into_iter().collect() } else { (0..rank).collect() }
}

/// The sizes in memory's order.
pub fn physical(shape: &[usize]) -> Axes {
    order(shape.len()).into_iter().map(|axis| shape[axis]).collect()
}

/// What a step along each axis of the graph is in memory.
pub fn logical_strides(shape: &[usize]) -> Axes {
    let in_memory = strides(&physical(shape));
    let mut out = Axes::from_elem(0, shape.len());
    for (axis, stride) in order(shape.len()).into_iter().zip(in_memory) {
        out[axis] = stride;
    }
    out
}

/// Batch, pixels and channels of a map.
pub fn map_sizes(shape: &[usize]) -> (usize, usize, usize) {
    (shape[0], shape[2] * shape[3], shape[1])
}

/// `src` of `shape` as row-major numbers.
pub fn to_rows<T: ConvFloat>(src: &[T], shape: &[usize], dst: &mut [T]) {
    gather(src, dst, shape, &logical_strides(shape));
}

/// Row-major numbers as a tensor of `shape` lies in memory.
pub fn from_rows<T: ConvFloat>(src: &[T], shape: &[usize], dst: &mut [T]) {
    let rows = strides(shape);
    let steps: Axes = order(shape.len()).into_iter().map(|axis| rows[axis]).collect();
    gather(src, dst, &physical(shape), &steps);
}

/// Sizes in memory's order of `out`, and for each the step in a tensor of `shape` that is broadcast to it.
pub fn broadcast_steps(shape: &[usize], out: &[usize]) -> (Axes, Axes) {
    let missing = out.len() - shape.len();
    let own = logical_strides(shape);
    let step = |axis: usize| match axis.checked_sub(missing) {
        Some(axis) if shape[axis] != 1 => own[axis],
        _ => 0,
    };
    (physical(out), order(out.len()).into_iter().map(step).collect())
}
