//! Each primitive as candle operations, in evaluation mode.

use crate::graph::{Act, BATCH_NORM_EPS, ConvSpec, Op, Order, ParamId, Pool, PoolSpec, Upsample};
use candle_core::{D, Error, Result, Tensor};

/// The output of one operation.
pub fn run(op: &Op, inputs: &[&Tensor], params: &[Option<Tensor>]) -> Result<Tensor> {
    let param =
        |id: &ParamId| params[id.0].as_ref().ok_or_else(|| Error::msg("a counter is not a tensor").bt());
    let optional = |id: &Option<ParamId>| id.as_ref().map(param).transpose();
    let x = match op {
        Op::Parameter(id) => return Ok(param(id)?.clone()),
        _ => *inputs.first().ok_or_else(|| Error::msg("an input is missing").bt())?,
    };
    match (op, inputs) {
        (Op::Conv2d { spec, weight, bias }, _) => conv2d(x, spec, param(weight)?, optional(bias)?),
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
        (Op::Pool(kind, spec), _) => pool2d(x, *kind, spec),
        (Op::GlobalPool(Pool::Average), _) => x.mean_keepdim((2, 3)),
        (Op::GlobalPool(Pool::Max), _) => x.max_keepdim(3)?.max_keepdim(2),
        (Op::Pad(border, constant), _) => pad(x, *border, *constant),
        (Op::Add, [a, b]) => a.broadcast_add(b),
        (Op::Mul, [a, b]) => a.broadcast_mul(b),
        (Op::Affine { factor, offset }, _) => x.affine(*factor, *offset),
        (Op::Concat { axis }, _) => Tensor::cat(inputs, *axis),
        (Op::Slice { axis, start, length }, _) => x.narrow(*axis, *start, *length)?.contiguous(),
        (Op::ChannelShuffle { groups }, _) => shuffle(x, *groups),

        (Op::Upsample(scale, mode), _) => {
            let (_, _, h, w) = x.dims4()?;
            match mode {
                Upsample::Nearest => x.upsample_nearest2d(h * scale, w * scale),
                Upsample::Bilinear => x.upsample_bilinear2d(h * scale, w * scale, false),
            }
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

/// candle's convolution has one stride, padding and dilation for both axes; a rectangle is padded before, and its stride
/// taken after.
fn conv2d(x: &Tensor, spec: &ConvSpec, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let square = |pair: [usize; 2]| pair[0] == pair[1];
    let y = if square(spec.padding) && square(spec.stride) && square(spec.dilation) {
        x.conv2d(weight, spec.padding[0], spec.stride[0], spec.dilation[0], spec.groups)?
    } else {
        let [ph, pw] = spec.padding;
        if !square(spec.dilation) {
            return Err(Error::msg("different dilations for height and width").bt());
        }
        let y = pad(x, [pw, pw, ph, ph], 0.0)?.conv2d(weight, 0, 1, spec.dilation[0], spec.groups)?;
        let y = every(&y, 2, spec.stride[0])?;
        every(&y, 3, spec.stride[1])?
    };
    bias.map_or(Ok(y.clone()), |bias| y.broadcast_add(&by_channel(bias)?))
}

/// Elements 0, step, 2·step, … of an axis.
fn every(x: &Tensor, axis: usize, step: usize) -> Result<Tensor> {
    if step == 1 {
        return Ok(x.clone());
    }
    let places: Vec<u32> = (0..x.dim(axis)? as u32).step_by(step).collect();
    x.index_select(&Tensor::from_vec(places.clone(), places.len(), x.device())?, axis)
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

/// candle's pooling has no border and no dilation: the border is added before; a dilated maximum is taken over shifted
/// copies.
fn pool2d(x: &Tensor, kind: Pool, spec: &PoolSpec) -> Result<Tensor> {
    let op = Op::Pool(kind, *spec);
    let shape =
        crate::graph::infer(&op, &[x.dims()], &[]).map_err(|error| Error::msg(error.to_string()).bt())?;
    let (_, _, h, w) = x.dims4()?;
    // What the last window reaches beyond the padded input (ceil_mode), or leaves over.
    let reach = |axis: usize, size: usize| {
        let needed =
            (shape[axis + 2] - 1) * spec.stride[axis] + spec.dilation[axis] * (spec.kernel[axis] - 1) + 1;
        needed.saturating_sub(size + spec.padding[axis])
    };
    let border = [spec.padding[1], reach(1, w), spec.padding[0], reach(0, h)];
    let border_value = if kind == Pool::Max { f64::NEG_INFINITY } else { 0.0 };
    let x = pad(x, border, border_value)?;
    let (kernel, stride) = ((spec.kernel[0], spec.kernel[1]), (spec.stride[0], spec.stride[1]));
    let y = match kind {
        Pool::Average => x.avg_pool2d_with_stride(kernel, stride)?,
        Pool::Max if spec.dilation == [1, 1] => x.max_pool2d_with_stride(kernel, stride)?,
        Pool::Max => dilated_max(&x, spec, shape[2], shape[3])?,
    };
    // A window that fits into the border beyond the input but does not count.
    y.narrow(2, 0, shape[2])?.narrow(3, 0, shape[3])?.contiguous()
}

fn dilated_max(x: &Tensor, spec: &PoolSpec, rows: usize, columns: usize) -> Result<Tensor> {
    let mut best: Option<Tensor> = None;
    for dy in 0..spec.kernel[0] {
        for dx in 0..spec.kernel[1] {
            let (height, width) = ((rows - 1) * spec.stride[0] + 1, (columns - 1) * spec.stride[1] + 1);
            let shifted =
                x.narrow(2, dy * spec.dilation[0], height)?.narrow(3, dx * spec.dilation[1], width)?;
            let shifted = every(&every(&shifted.contiguous()?, 2, spec.stride[0])?, 3, spec.stride[1])?;
            best = Some(best.map_or(Ok(shifted.clone()), |best| best.maximum(&shifted))?);
        }
    }
    best.ok_or_else(|| Error::msg("an empty window").bt())
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
