//! Pixels and channels of maps moved: borders, shuffles, blocks to channels and back; bilinear upsampling as a product of
//! matrices.

use crate::graph::Order;
use candle_core::{D, Result, Tensor};

/// A border: left, right, top, bottom.
pub fn pad(x: &Tensor, [left, right, top, bottom]: [usize; 4], constant: f64) -> Result<Tensor> {
    let x = pad_axis(x, D::Minus1, left, right, constant)?;
    pad_axis(&x, D::Minus2, top, bottom, constant)
}

fn pad_axis(x: &Tensor, axis: D, before: usize, after: usize, constant: f64) -> Result<Tensor> {
    if before == 0 && after == 0 {
        return Ok(x.clone());
    }
    let axis = candle_core::shape::Dim::to_index(&axis, x.shape(), "pad")?;
    let border = |size: usize| {
        let mut shape = x.dims().to_vec();
        shape[axis] = size;
        Tensor::full(constant, shape, x.device())?.to_dtype(x.dtype())
    };
    match (before, after) {
        (0, after) => Tensor::cat(&[x, &border(after)?], axis),
        (before, 0) => Tensor::cat(&[&border(before)?, x], axis),
        _ => Tensor::cat(&[&border(before)?, x, &border(after)?], axis),
    }
}

/// Squares of `size` pixels to channels.
pub fn space_to_depth(x: &Tensor, size: usize, order: Order) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    let x = x.reshape(&[n, c, h / size, size, w / size, size][..])?;
    let axes = match order {
        Order::Rows => [0, 3, 5, 1, 2, 4],
        Order::Columns => [0, 5, 3, 1, 2, 4],
    };
    x.permute(&axes[..])?.contiguous()?.reshape((n, c * size * size, h / size, w / size))
}

/// The inverse.
pub fn depth_to_space(x: &Tensor, size: usize, order: Order) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    let channels = c / (size * size);
    let x = x.reshape(&[n, size, size, channels, h, w][..])?;
    let axes = match order {
        Order::Rows => [0, 3, 4, 1, 5, 2],
        Order::Columns => [0, 3, 4, 2, 5, 1],
    };
    x.permute(&axes[..])?.contiguous()?.reshape((n, channels, h * size, w * size))
}

/// Channel i·(C/groups) + j becomes j·groups + i.
pub fn shuffle(x: &Tensor, groups: usize) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    x.reshape((n, groups, c / groups, h, w))?.transpose(1, 2)?.contiguous()?.reshape((n, c, h, w))
}

/// Bilinear, `scale` times as large both ways, corners not aligned.
pub fn bilinear(x: &Tensor, scale: usize) -> Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    both_axes(x, &bilinear_matrix(h, scale, x)?, &bilinear_matrix(w, scale, x)?)
}

/// The gradient of what [`bilinear`] read, of `shape`.
pub fn bilinear_backward(grad: &Tensor, shape: &[usize], scale: usize) -> Result<Tensor> {
    let down = bilinear_matrix(shape[2], scale, grad)?.t()?;
    let across = bilinear_matrix(shape[3], scale, grad)?.t()?;
    both_axes(grad, &down, &across)
}

/// The shares of the source places, by columns, in each output place of one axis; on the device of `like`.
fn bilinear_matrix(size: usize, scale: usize, like: &Tensor) -> Result<Tensor> {
    let mut shares = vec![0.0; size * scale * size];
    for (out, row) in shares.chunks_exact_mut(size).enumerate() {
        let place = ((out as f64 + 0.5) / scale as f64 - 0.5).max(0.0);
        let low = (place as usize).min(size - 1);
        let share = place - low as f64;
        row[low] += 1.0 - share;
        row[(low + 1).min(size - 1)] += share;
    }
    Tensor::from_vec(shares, (size * scale, size), like.device())?.to_dtype(like.dtype())
}

/// down · x · acrossᵀ for every channel of every image.
fn both_axes(x: &Tensor, down: &Tensor, across: &Tensor) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    let (rows, columns) = (down.dim(0)?, across.dim(0)?);
    let x = x.reshape((n * c * h, w))?.matmul(&across.t()?.contiguous()?)?;
    let x = x.reshape((n * c, h, columns))?.transpose(1, 2)?.contiguous()?.reshape((n * c * columns, h))?;
    let x = x.matmul(&down.t()?.contiguous()?)?.reshape((n * c, columns, rows))?;
    x.transpose(1, 2)?.contiguous()?.reshape((n, c, rows, columns))
}
