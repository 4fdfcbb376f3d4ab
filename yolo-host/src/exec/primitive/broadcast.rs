//! Sums and products of two tensors whose shapes are broadcast to each other's, and the gradients of both.

use super::buffer_pool::Pool;
use super::scratch::Scratch;
use super::tensor::{Ref, logical_strides, order, physical};
use yolo_kernels::ConvFloat;
use yolo_kernels::ops::strided::{Axes, gather, scale_channels, scale_channels_backward, scatter_add, zip};

/// Sizes in memory's order of `out`, and for each the step in a tensor of `shape` that is broadcast to it.
fn broadcast_steps(shape: &[usize], out: &[usize]) -> (Axes, Axes) {
    let missing = out.len() - shape.len();
    let own = logical_strides(shape);
    let step = |axis: usize| match axis.checked_sub(missing) {
        Some(axis) if shape[axis] != 1 => own[axis],
        _ => 0,
    };
    (physical(out), order(out.len()).into_iter().map(step).collect())
}

/// f(a, b)
pub fn binary<T: ConvFloat>(
    inputs: &[Ref<T>],
    shape: &[usize],
    y: &mut [T],
    f: impl Fn(T, T) -> T + Sync + Send,
) {
    let [a, b] = *inputs else { return };
    let wide = |x: Ref<T>| {
        let (sizes, steps) = broadcast_steps(x.shape, shape);
        let mut out = Scratch::zeros(shape.iter().product());
        gather(x.data, &mut out, &sizes, &steps);
        out
    };
    match (a.shape == shape, b.shape == shape) {
        (true, true) => zip(a.data, b.data, y, f),
        (true, false) => zip(a.data, &wide(b), y, f),
        (false, true) => zip(&wide(a), b.data, y, f),
        (false, false) => zip(&wide(a), &wide(b), y, f),
    }
}

/// Whether `scale` has one number for each channel of each image of `x`.
fn scales<T>(x: Ref<T>, scale: Ref<T>) -> bool {
    x.shape.len() == 4
        && scale.shape.len() == 4
        && scale.shape[..2] == x.shape[..2]
        && scale.shape[2..] == [1, 1]
}

/// a · b
pub fn multiply<T: ConvFloat>(inputs: &[Ref<T>], shape: &[usize], y: &mut [T]) {
    match *inputs {
        [x, scale] | [scale, x] if x.shape == shape && scales(x, scale) => {
            scale_channels(x.data, scale.data, shape[0], shape[1], y);
        }
        _ => binary(inputs, shape, y, |a, b| a * b),
    }
}

/// The gradients of both factors, of those that are wanted.
pub fn multiply_backward<T: ConvFloat>(
    inputs: [Ref<T>; 2],
    wanted: [bool; 2],
    grad: Ref<T>,
    pool: &mut Pool<T>,
) -> [Option<Vec<T>>; 2] {
    let out_shape = grad.shape;
    [0, 1].map(|i| {
        if !wanted[i] {
            return None;
        }
        let (this, other) = (inputs[i], inputs[1 - i]);
        if this.shape == out_shape && scales(this, other) {
            let mut dx = pool.take(this.data.len());
            scale_channels(grad.data, other.data, out_shape[0], out_shape[1], &mut dx);
            Some(dx)
        } else if other.shape == out_shape && scales(other, this) {
            let mut dx = pool.take(this.data.len());
            scale_channels_backward(other.data, grad.data, out_shape[0], out_shape[1], &mut dx);
            Some(dx)
        } else {
            let (sizes, steps) = broadcast_steps(other.shape, out_shape);
            let (mut wide, mut product) = (pool.take(grad.data.len()), pool.take(grad.data.len()));
            gather(other.data, &mut wide, &sizes, &steps);
            zip(grad.data, &wide, &mut product, |g, x| g * x);
            pool.give(wide);
            let dx = reduced(&product, out_shape, this.shape, pool);
            pool.give(product);
            Some(dx)
        }
    })
}

/// The gradient of a tensor of `shape` that was broadcast to `out_shape`.
pub fn reduced<T: ConvFloat>(grad: &[T], out_shape: &[usize], shape: &[usize], pool: &mut Pool<T>) -> Vec<T> {
    if shape == out_shape {
        let mut dx = pool.take(grad.len());
        dx.copy_from_slice(grad);
        return dx;
    }
    let (sizes, steps) = broadcast_steps(shape, out_shape);
    let mut dx = pool.zeros(shape.iter().product());
    scatter_add(grad, &mut dx, &sizes, &steps);
    dx
}
