//! Tensors on the CPU: four axes lie channels-last, all others row-major. From one order to the other, and to parts of an axis.

use super::scratch::{Rows, Scratch};
use yolo_kernels::ConvFloat;
use yolo_kernels::ops::strided::{Axes, AxisCopy, gather, scatter_add, strides};

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

/// A tensor row-major: as it lies, if it does.
pub fn rows<T: ConvFloat>(x: Ref<'_, T>) -> Rows<'_, T> {
    if x.shape.len() != 4 {
        return Rows::Here(x.data);
    }
    let mut out = Scratch::zeros(x.data.len());
    to_rows(x.data, x.shape, &mut out);
    Rows::Copied(out)
}

/// Fills a tensor of `shape` from what makes it row-major.
pub fn by_rows<T: ConvFloat>(shape: &[usize], y: &mut [T], make: impl FnOnce(&mut [T])) {
    if shape.len() != 4 {
        return make(y);
    }
    let mut out = Scratch::zeros(y.len());
    make(&mut out);
    from_rows(&out, shape, y);
}

/// A tensor row-major in single precision, as custom operations see it.
pub fn single<T: ConvFloat>(x: Ref<T>) -> Vec<f32> {
    rows(x).iter().map(|value| value.f64() as f32).collect()
}

/// From a part of an axis of a tensor of `shape` to the whole axis of a smaller one.
pub fn axis_copy(shape: &[usize], axis: usize, start: usize, length: usize) -> AxisCopy {
    let place = order(shape.len()).iter().position(|other| *other == axis).unwrap_or(0);
    let sizes = physical(shape);
    AxisCopy {
        outer: sizes[..place].iter().product(),
        inner: sizes[place + 1..].iter().product(),
        from: (sizes[place], start),
        to: (length, 0),
        length,
    }
}

/// Exchanges two axes of x; `shape` is that of the result.
pub fn transposed<T: ConvFloat>(x: Ref<T>, a: usize, b: usize, shape: &[usize], y: &mut [T]) {
    let mut steps = logical_strides(x.shape);
    steps.swap(a, b);
    let steps: Axes = order(shape.len()).into_iter().map(|axis| steps[axis]).collect();
    gather(x.data, y, &physical(shape), &steps);
}

/// Rows, depth and columns of a matrix product.
pub fn matrix_sizes<T: ConvFloat>(a: Ref<T>, b: Ref<T>) -> [usize; 3] {
    let size = |x: Ref<T>, back: usize| x.shape[x.shape.len() - back];
    [size(a, 2), size(a, 1), size(b, 1)]
}

/// Sizes and steps that read a tensor with `axis` last.
pub fn moved_last(shape: &[usize], axis: usize) -> (Axes, Axes) {
    let own = logical_strides(shape);
    let axes = (0..shape.len()).filter(|other| *other != axis).chain([axis]);
    axes.map(|axis| (shape[axis], own[axis])).unzip()
}

/// The reverse of a gather: where places repeat, a sum.
pub fn scatter<T: ConvFloat>(src: &[T], dst: &mut [T], (sizes, steps): &(Axes, Axes)) {
    dst.fill(T::zero());
    scatter_add(src, dst, sizes, steps);
}
