//! Operations that move numbers: their gradients, which move them back, and bilinear upsampling as a product of matrices.

use super::ops;
use super::wide;
use crate::graph::{Op, Upsample};
use candle_core::{Error, Result, Tensor};

/// The gradient of the input, of `shape`, from that of the output.
pub fn backward(op: &Op, grad: &Tensor, shape: &[usize]) -> Result<Tensor> {
    match op {
        Op::Affine { factor, .. } => grad.affine(*factor, 0.0),
        Op::Pad([left, _, top, _], _) => {
            grad.narrow(2, *top, shape[2])?.narrow(3, *left, shape[3])?.contiguous()
        }
        Op::Slice { axis, start, length } => {
            grad.pad_with_zeros(*axis, *start, shape[*axis] - start - length)
        }
        Op::ChannelShuffle { groups } => ops::shuffle(grad, shape[1] / groups),
        Op::Upsample(scale, Upsample::Nearest) => {
            let [n, c, h, w] = shape[..] else { return Err(unknown(op)) };
            grad.reshape(&[n, c, h, *scale, w, *scale][..])?.sum_keepdim((3, 5))?.reshape(shape)
        }
        Op::Upsample(scale, Upsample::Bilinear) => {
            let down = bilinear_matrix(shape[2], *scale, grad)?.t()?;
            let across = bilinear_matrix(shape[3], *scale, grad)?.t()?;
            both_axes(grad, &down, &across)
        }
        Op::SpaceToDepth(size, order) => ops::depth_to_space(grad, *size, *order),
        Op::DepthToSpace(size, order) => ops::space_to_depth(grad, *size, *order),
        Op::Transpose(a, b) => grad.transpose(*a, *b)?.contiguous(),
        Op::Reshape(_) => grad.reshape(shape),
        _ => Err(unknown(op)),
    }
}

fn unknown(op: &Op) -> Error {
    Error::msg(format!("{} has no gradient here", op.name()))
}

/// The gradient of a tensor of `shape` that was broadcast to that of `grad`.
pub fn reduced(grad: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let missing = grad.rank() - shape.len();
    let repeated = |axis: &usize| *axis < missing || (shape[axis - missing] == 1 && grad.dims()[*axis] > 1);
    let axes: Vec<usize> = (0..grad.rank()).filter(repeated).collect();
    if axes.is_empty() {
        return grad.reshape(shape);
    }
    wide(grad)?.sum_keepdim(axes)?.reshape(shape)?.to_dtype(grad.dtype())
}

/// Bilinear, `scale` times as large both ways, corners not aligned.
pub fn bilinear(x: &Tensor, scale: usize) -> Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    both_axes(x, &bilinear_matrix(h, scale, x)?, &bilinear_matrix(w, scale, x)?)
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
