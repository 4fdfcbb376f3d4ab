//! Every operation that keeps nothing between its forward and its reverse pass, forward and in reverse, on candle tensors.

use super::activation::{activation, slope};
use super::resize::{bilinear, bilinear_backward, depth_to_space, pad, shuffle, space_to_depth};
use super::wide;
use crate::graph::{Op, ParamId, Upsample, infer};
use candle_core::{D, Error, Result, Tensor};

/// The parameters of the graph, in the order of the graph; a counter is none.
#[derive(Clone, Copy, Debug)]
pub struct Params<'a> {
    /// As they are.
    pub own: &'a [Option<Tensor>],
    /// In the numbers of maps.
    pub cast: &'a [Option<Tensor>],
}

impl Params<'_> {
    fn own(&self, id: ParamId) -> Result<&Tensor> {
        self.own[id.0].as_ref().ok_or_else(missing)
    }

    fn cast(&self, id: ParamId) -> Result<&Tensor> {
        self.cast[id.0].as_ref().ok_or_else(missing)
    }
}

/// The output of an operation.
///
/// Fails without the inputs that it needs, if candle does, and for an operation that the executor computes itself.
pub fn forward(op: &Op, inputs: &[&Tensor], params: Params) -> Result<Tensor> {
    let x = *inputs.first().ok_or_else(missing)?;
    let second = || inputs.get(1).copied().ok_or_else(missing);
    match op {
        Op::LayerNorm { weight, bias, eps } => {
            let (normal, _) = normalised(x, *eps)?;
            let (weight, bias) = (by_channel(params.own(*weight)?)?, by_channel(params.own(*bias)?)?);
            normal.broadcast_mul(&weight)?.broadcast_add(&bias)?.to_dtype(x.dtype())
        }
        Op::Linear { weight, bias } => {
            let y = x.broadcast_matmul(&params.cast(*weight)?.t()?)?;
            match bias {
                Some(bias) => y.broadcast_add(params.cast(*bias)?),
                None => Ok(y),
            }
        }
        Op::Activation(act) => activation(x, *act),
        Op::Pad(border, constant) => pad(x, *border, *constant),
        Op::Add => x.broadcast_add(second()?),
        Op::Mul => x.broadcast_mul(second()?),
        Op::Affine { factor, offset } => x.affine(*factor, *offset),
        Op::Concat { axis } => Tensor::cat(inputs, *axis),
        Op::Slice { axis, start, length } => x.narrow(*axis, *start, *length)?.contiguous(),
        Op::ChannelShuffle { groups } => shuffle(x, *groups),
        Op::Upsample(scale, Upsample::Nearest) => {
            let (_, _, h, w) = x.dims4()?;
            x.upsample_nearest2d(h * scale, w * scale)
        }
        Op::Upsample(scale, Upsample::Bilinear) => bilinear(x, *scale),
        Op::SpaceToDepth(size, order) => space_to_depth(x, *size, *order),
        Op::DepthToSpace(size, order) => depth_to_space(x, *size, *order),
        Op::MatMul => x.broadcast_matmul(&second()?.contiguous()?),
        Op::Softmax { axis } => candle_nn::ops::softmax(&wide(x)?, *axis)?.to_dtype(x.dtype()),
        Op::Reshape(_) => {
            x.reshape(infer(op, &[x.dims()], &[]).map_err(|error| Error::msg(error.to_string()))?)
        }
        Op::Transpose(a, b) => x.transpose(*a, *b)?.contiguous(),
        Op::UnflattenLike => {
            let (n, _, h, w) = second()?.dims4()?;
            x.reshape((n, (), h, w))
        }
        Op::Input | Op::Parameter(_) | Op::Conv2d { .. } | Op::BatchNorm { .. } => Err(not_here(op)),
        Op::Pool(..) | Op::GlobalPool(_) | Op::Custom(_) => Err(not_here(op)),
    }
}

/// What an operation's reverse pass reads.
#[derive(Clone, Copy, Debug)]
pub struct Reverse<'a> {
    /// The inputs; one that [`Op::gradient_reads`] does not name may be gone.
    pub inputs: &'a [Option<&'a Tensor>],
    /// The output, likewise.
    pub output: Option<&'a Tensor>,
    /// The inputs' shapes.
    pub shapes: &'a [&'a [usize]],
    /// Which inputs want a gradient.
    pub wanted: &'a [bool],
    /// Parameters of the graph.
    pub params: Params<'a>,
}

/// What comes out of a reverse pass.
#[derive(Debug, Default)]
pub struct Gradients {
    /// Of each input, if it wants one.
    pub inputs: Vec<Option<Tensor>>,
    /// To be added to those of parameters.
    pub params: Vec<(ParamId, Tensor)>,
}

/// The gradients from that of the output.
///
/// Fails without the tensors that it needs, if candle does, and for an operation that the executor computes itself.
pub fn backward(op: &Op, grad: &Tensor, r: Reverse) -> Result<Gradients> {
    let Reverse { inputs, shapes, wanted, params: own, .. } = r;
    let input = |place: usize| inputs.get(place).copied().flatten().ok_or_else(missing);
    let shape = *shapes.first().ok_or_else(missing)?;
    let mut params = vec![];
    let inputs = match op {
        Op::LayerNorm { weight, bias, eps } => {
            // inverse · (g − mean(g) − x̂ · mean(g · x̂)), with g the gradient times the weight
            let ((normal, inverse), given) = (normalised(input(0)?, *eps)?, wide(grad)?);
            params.push((*weight, (&given * &normal)?.sum_keepdim((0, 2, 3))?.flatten_all()?));
            params.push((*bias, given.sum_keepdim((0, 2, 3))?.flatten_all()?));
            let given = given.broadcast_mul(&by_channel(own.own(*weight)?)?)?;
            let part = normal.broadcast_mul(&(&given * &normal)?.mean_keepdim(1)?)?;
            let dx = (given.broadcast_sub(&given.mean_keepdim(1)?)? - part)?.broadcast_mul(&inverse)?;
            vec![Some(dx.to_dtype(grad.dtype())?)]
        }
        Op::Linear { weight, bias } => {
            let x = input(0)?;
            let last = |x: &Tensor| x.dim(D::Minus1);
            let (rows, xs) = (grad.reshape(((), last(grad)?))?, x.reshape(((), last(x)?))?);
            let dx = || rows.matmul(own.cast(*weight)?)?.reshape(x.dims());
            let dx = wanted[0].then(dx).transpose()?;
            params.push((*weight, rows.t()?.matmul(&xs)?));
            if let Some(bias) = bias {
                params.push((*bias, wide(&rows)?.sum_keepdim(0)?.flatten_all()?));
            }
            vec![dx]
        }
        Op::Activation(kind) => vec![Some((grad * slope(input(0)?, *kind)?)?)],
        Op::Pad([left, _, top, _], _) => {
            vec![Some(grad.narrow(2, *top, shape[2])?.narrow(3, *left, shape[3])?.contiguous()?)]
        }
        Op::Add => {
            let one = |(wanted, shape): (&bool, &&[usize])| wanted.then(|| reduced(grad, shape)).transpose();
            wanted.iter().zip(shapes).map(one).collect::<Result<_>>()?
        }
        Op::Mul => {
            let one = |place: usize| {
                let dx = || reduced(&grad.broadcast_mul(input(1 - place)?)?, shapes[place]);
                wanted[place].then(dx).transpose()
            };
            vec![one(0)?, one(1)?]
        }
        Op::Affine { factor, .. } => vec![Some(grad.affine(*factor, 0.0)?)],
        Op::Concat { axis } => {
            let mut place = 0;
            let mut grads = Vec::with_capacity(wanted.len());
            for (shape, wanted) in shapes.iter().zip(wanted) {
                let part = || grad.narrow(*axis, place, shape[*axis])?.contiguous();
                grads.push(wanted.then(part).transpose()?);
                place += shape[*axis];
            }
            grads
        }
        Op::Slice { axis, start, length } => {
            vec![Some(grad.pad_with_zeros(*axis, *start, shape[*axis] - start - length)?)]
        }
        Op::ChannelShuffle { groups } => vec![Some(shuffle(grad, shape[1] / groups)?)],
        Op::Upsample(scale, Upsample::Nearest) => {
            let [n, c, h, w] = shape[..] else { return Err(missing()) };
            let blocks = grad.reshape(&[n, c, h, *scale, w, *scale][..])?;
            vec![Some(blocks.sum_keepdim((3, 5))?.reshape(shape)?)]
        }
        Op::Upsample(scale, Upsample::Bilinear) => vec![Some(bilinear_backward(grad, shape, *scale)?)],
        Op::SpaceToDepth(size, order) => vec![Some(depth_to_space(grad, *size, *order)?)],
        Op::DepthToSpace(size, order) => vec![Some(space_to_depth(grad, *size, *order)?)],
        Op::MatMul => {
            let (a, b) = (input(0)?, input(1)?);
            let da = || grad.broadcast_matmul(&b.t()?.contiguous()?);
            // One b may serve every pair: its gradient is the sum.
            let db = || reduced(&a.t()?.contiguous()?.matmul(grad)?, b.dims());
            vec![wanted[0].then(da).transpose()?, wanted[1].then(db).transpose()?]
        }
        Op::Softmax { axis } => {
            // y · (g − Σ g·y)
            let (y, given) = (wide(r.output.ok_or_else(missing)?)?, wide(grad)?);
            let inner = (&given * &y)?.sum_keepdim(*axis)?;
            vec![Some((given.broadcast_sub(&inner)? * y)?.to_dtype(grad.dtype())?)]
        }
        Op::Reshape(_) => vec![Some(grad.reshape(shape)?)],
        Op::Transpose(a, b) => vec![Some(grad.transpose(*a, *b)?.contiguous()?)],
        // The second gives its shape only.
        Op::UnflattenLike => vec![Some(grad.reshape(shape)?), None],
        Op::Input | Op::Parameter(_) | Op::Conv2d { .. } | Op::BatchNorm { .. } => return Err(not_here(op)),
        Op::Pool(..) | Op::GlobalPool(_) | Op::Custom(_) => return Err(not_here(op)),
    };
    Ok(Gradients { inputs, params })
}

/// x with mean 0 and variance 1 over the channels of each pixel, and 1 / √(variance + eps); in f32 where x is in bf16.
fn normalised(x: &Tensor, eps: f64) -> Result<(Tensor, Tensor)> {
    let x = wide(x)?;
    let centred = x.broadcast_sub(&x.mean_keepdim(1)?)?;
    let inverse = (centred.sqr()?.mean_keepdim(1)? + eps)?.sqrt()?.recip()?;
    Ok((centred.broadcast_mul(&inverse)?, inverse))
}

/// `[c]` to `[1, c, 1, 1]`.
fn by_channel(x: &Tensor) -> Result<Tensor> {
    x.reshape((1, (), 1, 1))
}

/// The gradient of a tensor of `shape` that was broadcast to that of `grad`.
fn reduced(grad: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let missing = grad.rank() - shape.len();
    let repeated = |axis: &usize| *axis < missing || (shape[axis - missing] == 1 && grad.dims()[*axis] > 1);
    let axes: Vec<usize> = (0..grad.rank()).filter(repeated).collect();
    if axes.is_empty() {
        return grad.reshape(shape);
    }
    wide(grad)?.sum_keepdim(axes)?.reshape(shape)?.to_dtype(grad.dtype())
}

/// The error of a tensor that is not there.
pub fn missing() -> Error {
    Error::msg("what the forward pass in training keeps for it is not there")
}

fn not_here(op: &Op) -> Error {
    Error::msg(format!("{} is computed elsewhere", op.name()))
}
