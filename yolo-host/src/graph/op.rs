//! The primitive operations, and what the rest of the program must know of each. Every `match` over them is exhaustive, so
//! that the compiler names the places where a new one is missing.

use super::shape::{self, divides, map, product, sum, two};
use super::{Act, ConvSpec, CustomOp, Order, Param, ParamId, Pool, PoolSpec, Upsample, window};
use std::sync::Arc;

/// One primitive operation. Tensors are `[batch, channels, height, width]` unless reshaped.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The images: `[batch, 3, height, width]`, values 0 to 1.
    Input,
    /// A trainable parameter used as a tensor.
    Parameter(ParamId),
    /// Convolution with a weight `[out, in / groups, kh, kw]`.
    Conv2d {
        /// Sizes.
        spec: ConvSpec,
        /// The weight.
        weight: ParamId,
        /// `[out]`
        bias: Option<ParamId>,
    },
    /// (x − mean) / √(var + eps) · weight + bias, by channel.
    BatchNorm {
        /// Scale.
        weight: ParamId,
        /// Shift.
        bias: ParamId,
        /// Running mean.
        mean: ParamId,
        /// Running variance.
        var: ParamId,
    },
    /// (x − mean) / √(var + eps) · weight + bias, with mean and biased variance over the channels of each pixel.
    LayerNorm {
        /// Scale, `[channels]`.
        weight: ParamId,
        /// Shift, `[channels]`.
        bias: ParamId,
        /// What keeps the root from zero.
        eps: f64,
    },
    /// x · weightᵀ + bias along the last axis.
    Linear {
        /// `[out, in]`
        weight: ParamId,
        /// `[out]`
        bias: Option<ParamId>,
    },
    /// Elementwise.
    Activation(Act),
    /// A window over height and width.
    Pool(Pool, PoolSpec),
    /// Over height and width, which become 1.
    GlobalPool(Pool),
    /// A border: left, right, top, bottom, and the constant in it.
    Pad([usize; 4], f64),
    /// Sum with broadcasting.
    Add,
    /// Product with broadcasting.
    Mul,
    /// x·factor + offset
    Affine {
        /// Factor.
        factor: f64,
        /// Offset.
        offset: f64,
    },
    /// Tensors joined along an axis.
    Concat {
        /// The axis.
        axis: usize,
    },
    /// A part of an axis.
    Slice {
        /// The axis.
        axis: usize,
        /// First element.
        start: usize,
        /// Number of elements.
        length: usize,
    },
    /// Channel i·(C/groups) + j becomes j·groups + i.
    ChannelShuffle {
        /// Number of groups.
        groups: usize,
    },
    /// Height and width times a whole number.
    Upsample(usize, Upsample),
    /// Blocks of size² pixels to channels.
    SpaceToDepth(usize, Order),
    /// The inverse.
    DepthToSpace(usize, Order),
    /// Product of the last two axes.
    MatMul,
    /// Along an axis.
    Softmax {
        /// The axis.
        axis: usize,
    },
    /// A size, 0 to keep the axis of the same position, −1 for what is left.
    Reshape(Vec<i64>),
    /// Two axes exchanged.
    Transpose(usize, usize),
    /// `[b, c, h·w]` to `[b, c, h, w]`, height and width of the second input.
    UnflattenLike,
    /// A plugin's own.
    Custom(Arc<dyn CustomOp>),
}

/// Batch norm's epsilon, everywhere in YOLOv5 (`initialize_weights`).
pub const BATCH_NORM_EPS: f64 = 1e-3;
/// Batch norm's momentum, likewise.
pub const BATCH_NORM_MOMENTUM: f64 = 0.03;

/// The operations without parameters that are computed from their inputs alone, as a pattern.
macro_rules! without_parameters {
    () => {
        $crate::graph::Op::Activation(_)
            | $crate::graph::Op::Pad(..)
            | $crate::graph::Op::Add
            | $crate::graph::Op::Mul
            | $crate::graph::Op::Affine { .. }
            | $crate::graph::Op::Concat { .. }
            | $crate::graph::Op::Slice { .. }
            | $crate::graph::Op::ChannelShuffle { .. }
            | $crate::graph::Op::Upsample(..)
            | $crate::graph::Op::SpaceToDepth(..)
            | $crate::graph::Op::DepthToSpace(..)
            | $crate::graph::Op::MatMul
            | $crate::graph::Op::Softmax { .. }
            | $crate::graph::Op::Reshape(_)
            | $crate::graph::Op::Transpose(..)
            | $crate::graph::Op::UnflattenLike
    };
}
pub(crate) use without_parameters;

/// The operations that need no kernel of their own in an executor: `exec::primitive` computes them on the CPU, and
/// `exec::candle::ops` on candle tensors, forward and in reverse. As a pattern.
macro_rules! primitive {
    () => {
        $crate::graph::Op::LayerNorm { .. }
            | $crate::graph::Op::Linear { .. }
            | $crate::graph::without_parameters!()
    };
}
pub(crate) use primitive;

/// [`Op::name`] and [`Op::NAMES`] from one list.
macro_rules! names {
    ($($pattern:pat => $name:literal,)*) => {
        impl Op {
            /// The names of all operations but custom ones.
            pub const NAMES: &[&str] = &[$($name),*];

            /// Its name in messages.
            pub fn name(&self) -> &'static str {
                match self {
                    $($pattern => $name,)*
                    Op::Custom(custom) => custom.name(),
                }
            }
        }
    };
}

names! {
    Op::Input => "input",
    Op::Parameter(_) => "parameter",
    Op::Conv2d { .. } => "conv2d",
    Op::BatchNorm { .. } => "batch_norm",
    Op::LayerNorm { .. } => "layer_norm",
    Op::Linear { .. } => "linear",
    Op::Activation(_) => "activation",
    Op::Pool(..) => "pool2d",
    Op::GlobalPool(_) => "global_pool",
    Op::Pad(..) => "pad",
    Op::Add => "add",
    Op::Mul => "mul",
    Op::Affine { .. } => "affine",
    Op::Concat { .. } => "concat",
    Op::Slice { .. } => "slice",
    Op::ChannelShuffle { .. } => "channel_shuffle",
    Op::Upsample(..) => "upsample",
    Op::SpaceToDepth(..) => "space_to_depth",
    Op::DepthToSpace(..) => "depth_to_space",
    Op::MatMul => "matmul",
    Op::Softmax { .. } => "softmax",
    Op::Reshape(_) => "reshape",
    Op::Transpose(..) => "transpose",
    Op::UnflattenLike => "unflatten_like",
}

impl Op {
    /// Its parameters and buffers, the weight first.
    pub fn parameters(&self) -> Vec<ParamId> {
        match self {
            Op::Parameter(id) => vec![*id],
            Op::Conv2d { weight, bias, .. } | Op::Linear { weight, bias } => {
                [Some(*weight), *bias].into_iter().flatten().collect()
            }
            Op::BatchNorm { weight, bias, mean, var } => vec![*weight, *bias, *mean, *var],
            Op::LayerNorm { weight, bias, .. } => vec![*weight, *bias],
            Op::Input | Op::Pool(..) | Op::GlobalPool(_) | Op::Custom(_) | without_parameters!() => vec![],
        }
    }

    /// The weight of a normalisation, which optimisers do not decay.
    pub fn norm_weight(&self) -> Option<ParamId> {
        match self {
            Op::BatchNorm { weight, .. } | Op::LayerNorm { weight, .. } => Some(*weight),
            Op::Input | Op::Parameter(_) | Op::Conv2d { .. } | Op::Linear { .. } => None,
            Op::Pool(..) | Op::GlobalPool(_) | Op::Custom(_) | without_parameters!() => None,
        }
    }

    /// Whether its gradient reads its inputs, and its output; training keeps them until then.
    #[allow(unreachable_patterns)] // the group names some of the arms above again
    pub fn gradient_reads(&self) -> (bool, bool) {
        match self {
            Op::Conv2d { .. } | Op::BatchNorm { .. } | Op::Linear { .. } | Op::Activation(_) => (true, false),
            Op::LayerNorm { .. } | Op::Mul | Op::MatMul => (true, false),
            Op::Softmax { .. } => (false, true),
            Op::Custom(_) => (true, true),
            Op::Input | Op::Parameter(_) | Op::Pool(..) | Op::GlobalPool(_) => (false, false),
            without_parameters!() => (false, false),
        }
    }

    /// Multiply-accumulates for one element of its output. As in the reference's count, elementwise work is none.
    #[allow(unreachable_patterns)] // the group names some of the arms above again
    pub fn macs(&self, inputs: &[&[usize]], params: &[Param]) -> usize {
        match self {
            Op::Conv2d { weight, .. } => params[weight.0].shape[1..].iter().product(),
            Op::Linear { weight, .. } => params[weight.0].shape[1],
            Op::MatMul => inputs.first().and_then(|x| x.last()).copied().unwrap_or(0),
            Op::Input | Op::Parameter(_) | Op::BatchNorm { .. } | Op::Pool(..) | Op::GlobalPool(_) => 0,
            Op::Custom(_) | primitive!() => 0,
        }
    }

    /// The shape of its output, or why these inputs do not fit.
    pub(super) fn output(&self, inputs: &[&[usize]], params: &[Param]) -> Result<Vec<usize>, String> {
        let one = || match inputs {
            [x] => Ok(*x),
            _ => Err(format!("takes one input, not {}", inputs.len())),
        };
        match self {
            Op::Input => Err("the input has no inputs".into()),
            Op::Parameter(id) => Ok(params[id.0].shape.clone()),
            Op::Conv2d { spec, weight, .. } => window::conv2d(spec, &params[weight.0].shape, map(one()?)?),
            Op::BatchNorm { weight, .. } | Op::LayerNorm { weight, .. } => {
                shape::of_channels(one()?, params[weight.0].len())
            }
            Op::Linear { weight, .. } => shape::linear(one()?, &params[weight.0].shape),
            Op::Activation(_) | Op::Affine { .. } => Ok(one()?.to_vec()),
            Op::Pool(kind, spec) => window::pool2d(*kind, spec, map(one()?)?),
            Op::GlobalPool(_) => map(one()?).map(|[n, c, _, _]| vec![n, c, 1, 1]),
            Op::Pad([left, right, top, bottom], _) => {
                let [n, c, h, w] = map(one()?)?;
                Ok(vec![n, c, sum(&[h, *top, *bottom])?, sum(&[w, *left, *right])?])
            }
            Op::Add | Op::Mul => shape::broadcast(two(inputs)?),
            Op::Concat { axis } => shape::concat(inputs, *axis),
            Op::Slice { axis, start, length } => shape::slice(one()?, *axis, *start, *length),
            Op::ChannelShuffle { groups } => match map(one()?)? {
                [n, c, h, w] if divides(*groups, c) => Ok(vec![n, c, h, w]),
                [_, c, _, _] => Err(format!("{c} channels do not split into {groups} groups")),
            },
            Op::Upsample(scale, _) => {
                let [n, c, h, w] = map(one()?)?;
                Ok(vec![n, c, product(&[h, *scale])?, product(&[w, *scale])?])
            }
            Op::SpaceToDepth(size, _) => shape::space_to_depth(map(one()?)?, *size),
            Op::DepthToSpace(size, _) => shape::depth_to_space(map(one()?)?, *size),
            Op::MatMul => shape::matmul(two(inputs)?),
            Op::Softmax { axis } => match one()? {
                x if *axis < x.len() => Ok(x.to_vec()),
                _ => Err(format!("there is no axis {axis}")),
            },
            Op::Reshape(spec) => shape::reshape(spec, one()?),
            Op::Transpose(a, b) => shape::transpose(one()?, *a, *b),
            Op::UnflattenLike => shape::unflatten_like(two(inputs)?),
            Op::Custom(custom) => custom.shape(inputs),
        }
    }
}
