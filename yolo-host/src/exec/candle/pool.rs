//! Pooling and its gradient: by cuDNN on CUDA, by this crate's kernels on the CPU. A window with dilation, which cuDNN has
//! not, is made of shifted copies.

#[cfg(feature = "cudnn")]
use super::cudnn;
use super::resize::pad;
use super::{host, wide};
use crate::graph::{Pool, PoolSpec};
use candle_core::{Device, Result, Tensor};

/// What the gradient needs.
#[derive(Debug)]
pub enum Context {
    /// The kernels'.
    Host(host::Places),
    /// Of a maximum over shifted copies, which of them it was.
    Shifts(Option<Tensor>),
    /// Input, with a border where `ceil_mode` needs one, and output.
    #[cfg(feature = "cudnn")]
    Cudnn(Pool, Tensor, Tensor),
}

/// The output, of the shape inferred for it, and what the gradient needs.
pub fn forward(kind: Pool, spec: &PoolSpec, x: &Tensor, shape: &[usize]) -> Result<(Tensor, Context)> {
    match x.device() {
        _ if spec.dilation != [1, 1] => shifts_forward(kind, spec, x, shape),
        Device::Cpu => {
            let (y, places) = host::pool_forward(kind, spec, x, shape)?;
            Ok((y, Context::Host(places)))
        }
        #[cfg(feature = "cudnn")]
        Device::Cuda(_) => {
            // What the last windows reach beyond the border, which cuDNN has on both sides alike.
            let reach = |axis: usize| {
                let needed = (shape[axis + 2] - 1) * spec.stride[axis] + spec.kernel[axis];
                needed.saturating_sub(x.dims()[axis + 2] + 2 * spec.padding[axis])
            };
            // cuDNN does not promise to pool bf16.
            let wide = pad(&wide(x)?, [0, reach(1), 0, reach(0)], f64::NEG_INFINITY)?;
            let y = cudnn::pool_forward(kind, spec, &wide, shape)?;
            Ok((y.to_dtype(x.dtype())?, Context::Cudnn(kind, wide, y)))
        }
        _ => shifts_forward(kind, spec, x, shape),
    }
}

/// The gradient of the input, of `shape`.
pub fn backward(spec: &PoolSpec, context: &Context, grad: &Tensor, shape: &[usize]) -> Result<Tensor> {
    match context {
        Context::Host(places) => host::pool_backward(places, grad, shape),
        Context::Shifts(which) => shifts_backward(spec, which.as_ref(), grad, shape),
        #[cfg(feature = "cudnn")]
        Context::Cudnn(kind, x, y) => {
            let dx = cudnn::pool_backward(*kind, spec, x, y, &wide(grad)?)?;
            dx.narrow(2, 0, shape[2])?.narrow(3, 0, shape[3])?.to_dtype(grad.dtype())?.contiguous()
        }
    }
}

/// Rows and columns of the input with its border, so that every shifted copy has whole strides.
fn bordered(spec: &PoolSpec, grid: [usize; 2]) -> [usize; 2] {
    std::array::from_fn(|axis| spec.dilation[axis] * (spec.kernel[axis] - 1) + grid[axis] * spec.stride[axis])
}

/// Where each element of the window begins.
fn taps(spec: &PoolSpec) -> impl Iterator<Item = [usize; 2]> {
    let [height, width] = spec.kernel;
    let [down, across] = spec.dilation;
    (0..height).flat_map(move |y| (0..width).map(move |x| [y * down, x * across]))
}

fn shifts_forward(kind: Pool, spec: &PoolSpec, x: &Tensor, shape: &[usize]) -> Result<(Tensor, Context)> {
    let (n, c, h, w) = x.dims4()?;
    let [rows, columns] = [shape[2], shape[3]];
    let size = bordered(spec, [rows, columns]);
    let [top, left] = spec.padding;
    let behind = [size[0].saturating_sub(top + h), size[1].saturating_sub(left + w)];
    let outside = if kind == Pool::Max { f64::NEG_INFINITY } else { 0.0 };
    // Places in the window are counted in the same numbers, and bf16 counts to 256.
    let numbers = x.dtype();
    let x = pad(&wide(x)?, [left, behind[1], top, behind[0]], outside)?;
    let [down, across] = spec.stride;
    let shifted = |[y, x0]: [usize; 2]| {
        let part = x.narrow(2, y, rows * down)?.narrow(3, x0, columns * across)?.contiguous()?;
        let part = part.reshape(&[n, c, rows, down, columns, across][..])?;
        part.narrow(3, 0, 1)?.narrow(5, 0, 1)?.contiguous()?.reshape(shape)
    };
    let mut best: Option<(Tensor, Tensor)> = None;
    for (i, tap) in taps(spec).enumerate() {
        let part = shifted(tap)?;
        best = Some(match best {
            None => (part.clone(), part.zeros_like()?),
            Some((sum, which)) if kind == Pool::Average => ((sum + part)?, which),
            Some((best, which)) => {
                // The first of equals wins; what is not a number wins.
                let better = part.gt(&best)?.maximum(&part.ne(&part)?)?;
                let place = which.ones_like()?.affine(i as f64, 0.0)?;
                (better.where_cond(&part, &best)?, better.where_cond(&place, &which)?)
            }
        });
    }
    let (y, which) = best.ok_or_else(|| candle_core::Error::msg("an empty window"))?;
    let (y, which) = match kind {
        Pool::Max => (y, Some(which)),
        Pool::Average => ((y / (spec.kernel[0] * spec.kernel[1]) as f64)?, None),
    };
    Ok((y.to_dtype(numbers)?, Context::Shifts(which)))
}

fn shifts_backward(
    spec: &PoolSpec,
    which: Option<&Tensor>,
    grad: &Tensor,
    shape: &[usize],
) -> Result<Tensor> {
    let (n, c, rows, columns) = grad.dims4()?;
    let [down, across] = spec.stride;
    let size = bordered(spec, [rows, columns]);
    let [top, left] = spec.padding;
    let size = [size[0].max(top + shape[2]), size[1].max(left + shape[3])];
    let mut total = Tensor::zeros((n, c, size[0], size[1]), grad.dtype(), grad.device())?;
    for (i, [y, x]) in taps(spec).enumerate() {
        let part = match which {
            Some(which) => (grad * which.eq(i as f64)?.to_dtype(grad.dtype())?)?,
            None => (grad / (spec.kernel[0] * spec.kernel[1]) as f64)?,
        };
        let part = part.reshape(&[n, c, rows, 1, columns, 1][..])?;
        let part = part.pad_with_zeros(5, 0, across - 1)?.pad_with_zeros(3, 0, down - 1)?;
        let part = part.reshape((n, c, rows * down, columns * across))?;
        let part = part.pad_with_zeros(3, x, size[1] - x - columns * across)?;
        total = (total + part.pad_with_zeros(2, y, size[0] - y - rows * down)?)?;
    }
    total.narrow(2, top, shape[2])?.narrow(3, left, shape[3])?.contiguous()
}

/// Over whole maps, `[batch, channels, 1, 1]`; for the maximum also which pixel it is.
pub fn global_forward(kind: Pool, x: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
    let (n, c, _, _) = x.dims4()?;
    match kind {
        Pool::Average => Ok((wide(x)?.mean_keepdim((2, 3))?.to_dtype(x.dtype())?, None)),
        Pool::Max => {
            let pixels = wide(x)?.flatten_from(2)?.contiguous()?;
            let places = pixels.argmax_keepdim(2)?;
            let y = pixels.gather(&places, 2)?.reshape((n, c, 1, 1))?;
            Ok((y.to_dtype(x.dtype())?, Some(places)))
        }
    }
}

/// The gradient of the input, of `shape`.
pub fn global_backward(places: Option<&Tensor>, grad: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let pixels = shape[2] * shape[3];
    match places {
        None => (grad / pixels as f64)?.broadcast_as(shape)?.contiguous(),
        Some(places) => {
            let given = wide(grad)?.flatten_from(2)?.contiguous()?;
            let zeros = Tensor::zeros((shape[0], shape[1], pixels), given.dtype(), given.device())?;
            // No index stands twice, so that the order of the sums does not matter.
            zeros.scatter_add(places, &given, 2)?.reshape(shape)?.to_dtype(grad.dtype())
        }
    }
}
