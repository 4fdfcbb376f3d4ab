//! Primitive operations as candle's: all but convolution, pooling, bilinear upsampling and what a plugin computes, which have
//! modules of their own. Batch norm is that of evaluation.

use crate::graph::{Act, BATCH_NORM_EPS, Op, Order, ParamId, Upsample};
use candle_core::{D, Error, Result, Tensor};

/// The output of one operation.
pub fn run(op: &Op, inputs: &[&Tensor], params: &[Option<Tensor>]) -> Result<Tensor> {
    let param =
        |id: &ParamId| params[id.0].as_ref().ok_or_else(|| Error::msg("a counter is not a tensor").bt());
    let optional = |id: &Option<ParamId>| id.as_ref().map(param).transpose();
    let x = *inputs.first().ok_or_else(|| Error::msg("an input is missing").bt())?;
    match (op, inputs) {
        (Op::BatchNorm { weight, bias, mean, var }, _) => {
            let scale = (param(weight)? / (param(var)? + BATCH_NORM_EPS)?.sqrt()?)?;
            let shift = (param(bias)? - (param(mean)? * &scale)?)?;
            x.broadcast_mul(&by_channel(&scale)?)?.broadcast_add(&by_channel(&shift)?)
        }
        (Op::Linear { weight, bias }, _) => {
            let y = x.broadcast_matmul(&param(weight)?.t()?)?;
            optional(bias)?.map_or(Ok(y.clone()), |bias| y.broadcast_add(bias))
        }
        (Op::Activation(act), _) => activation(x, *act),
        (Op::Pad(border, constant), _) => pad(x, *border, *constant),
        (Op::Add, [a, b]) => a.broadcast_add(b),
        (Op::Mul, [a, b]) => a.broadcast_mul(b),
        (Op::Affine { factor, offset }, _) => x.affine(*factor, *offset),
        (Op::Concat { axis }, _) => Tensor::cat(inputs, *axis),
        (Op::Slice { axis, start, length }, _) => x.narrow(*axis, *start, *length)?.contiguous(),
        (Op::ChannelShuffle { groups }, _) => shuffle(x, *groups),
        (Op::Upsample(scale, Upsample::Nearest), _) => {
            let (_, _, h, w) = x.dims4()?;
            x.upsample_nearest2d(h * scale, w * scale)
        }
        (Op::SpaceToDepth(size, order), _) => space_to_depth(x, *size, *order),
        (Op::DepthToSpace(size, order), _) => depth_to_space(x, *size, *order),
        (Op::MatMul, [a, b]) => a.broadcast_matmul(&b.contiguous()?),
        (Op::Softmax { axis }, _) => candle_nn::ops::softmax(x, *axis),
        (Op::Reshape(spec), _) => x.reshape(
            crate::graph::infer(op, &[x.dims()], &[])
                .map_err(|_| Error::msg(format!("{:?} does not reshape to {spec:?}", x.dims())).bt())?,
        ),
        (Op::Transpose(a, b), _) => x.transpose(*a, *b)?.contiguous(),
        (Op::UnflattenLike, [x, like]) => {
            let (n, _, h, w) = like.dims4()?;
            x.reshape((n, (), h, w))
        }
        _ => Err(Error::msg(format!("{} with {} inputs", op.name(), inputs.len())).bt()),
    }
}

/// `[c]` to `[1, c, 1, 1]`.
fn by_channel(x: &Tensor) -> Result<Tensor> {
    x.reshape((1, (), 1, 1))
}

/// Channel i·(C/groups) + j becomes j·groups + i.
pub fn shuffle(x: &Tensor, groups: usize) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    x.reshape((n, groups, c / groups, h, w))?.transpose(1, 2)?.contiguous()?.reshape((n, c, h, w))
}

/// Elementwise.
pub fn activation(x: &Tensor, act: Act) -> Result<Tensor> {
    let relu6_of_x_plus_3 = || (x + 3.0)?.clamp(0f32, 6f32);
    match act {
        Act::Relu => x.relu(),
        Act::Relu6 => x.clamp(0f32, 6f32),
        Act::LeakyRelu(slope) => candle_nn::ops::leaky_relu(x, slope),
        Act::Silu | Act::Conv => x.silu(),
        Act::Sigmoid => candle_nn::ops::sigmoid(x),
        Act::HardSigmoid => relu6_of_x_plus_3()? / 6.0,
        Act::HardSwish => x * (relu6_of_x_plus_3()? / 6.0)?,
        Act::Tanh => x.tanh(),
        // ln(1 + e^x) = max(x, 0) + ln(1 + e^−|x|), which does not overflow.
        Act::Mish => {
            let softplus = (x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
            x * softplus.tanh()?
        }
    }
}

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
