//! The primitive operations.

use super::custom::CustomOp;
use super::{Act, ConvSpec, Order, ParamId, Pool, PoolSpec, Upsample};
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

impl Op {
    /// Its name in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Input => "input",
            Op::Parameter(_) => "parameter",
            Op::Conv2d { .. } => "conv2d",
            Op::BatchNorm { .. } => "batch_norm",
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
            Op::Custom(custom) => custom.name(),
        }
    }
}
