//! The table of functions, and what they take.

use super::{Graph, Op, Str, Value};

/// A convolution; pairs are height, width.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Output channels.
    pub out_channels: usize,
    /// Kernel size.
    pub kernel: [usize; 2],
    /// Stride.
    pub stride: [usize; 2],
    /// Zeros added on both sides.
    pub padding: [usize; 2],
    /// Distance between kernel elements.
    pub dilation: [usize; 2],
    /// Input and output channels fall into this many groups.
    pub groups: usize,
    /// 1: adds `NAME.bias`.
    pub bias: u32,
}

/// A pooling window; pairs are height, width.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2d {
    /// Window size.
    pub kernel: [usize; 2],
    /// Stride.
    pub stride: [usize; 2],
    /// Border on both sides: minus infinity for the maximum, zeros that count for the average.
    pub padding: [usize; 2],
    /// Distance between elements of the window.
    pub dilation: [usize; 2],
    /// 1: the last window may reach over the border.
    pub ceil_mode: u32,
}

/// How a new parameter is filled.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Init {
    /// One of [`init`].
    pub kind: u32,
    /// Constant, lower bound or mean.
    pub a: f64,
    /// Upper bound or standard deviation.
    pub b: f64,
}

/// [`Init::kind`].
pub mod init {
    /// Every element `a`.
    pub const CONSTANT: u32 = 0;
    /// Uniform in `[a, b)`.
    pub const UNIFORM: u32 = 1;
    /// Normal, mean `a`, standard deviation `b`.
    pub const NORMAL: u32 = 2;
}

/// The kind of an elementwise activation.
pub mod act {
    /// max(x, 0)
    pub const RELU: u32 = 0;
    /// min(max(x, 0), 6)
    pub const RELU6: u32 = 1;
    /// x, or x·parameter below zero
    pub const LEAKY_RELU: u32 = 2;
    /// x·sigmoid(x)
    pub const SILU: u32 = 3;
    /// 1 / (1 + e^−x)
    pub const SIGMOID: u32 = 4;
    /// relu6(x + 3) / 6
    pub const HARD_SIGMOID: u32 = 5;
    /// x·relu6(x + 3) / 6
    pub const HARD_SWISH: u32 = 6;
    /// tanh(x)
    pub const TANH: u32 = 7;
    /// x·tanh(ln(1 + e^x))
    pub const MISH: u32 = 8;
    /// That of YOLOv5's Conv: SiLU, unless the model file's key `activation` names another.
    pub const CONV: u32 = 9;
}

/// Kinds for `pool2d` and `global_pool`.
pub mod pool {
    /// The largest element.
    pub const MAX: u32 = 0;
    /// The mean.
    pub const AVERAGE: u32 = 1;
}

/// Modes for `upsample`.
pub mod upsample {
    /// Each element repeated.
    pub const NEAREST: u32 = 0;
    /// Bilinear, corners not aligned.
    pub const BILINEAR: u32 = 1;
}

/// Channel orders for `space_to_depth` and `depth_to_space`, with block s and offsets (dy, dx) inside it.
pub mod order {
    /// Output channel (dy·s + dx)·C + c: YOLOv5's Contract and Expand.
    pub const ROWS: u32 = 0;
    /// Output channel (dx·s + dy)·C + c: YOLOv5's Focus.
    pub const COLUMNS: u32 = 1;
}

/// The functions that a host offers. Tensors are `[batch, channels, height, width]` unless a block reshapes them.
#[repr(C)]
pub struct Host {
    /// [`ABI_VERSION`] of the host.
    pub abi_version: u32,
    /// Size of this table in the host.
    pub struct_size: usize,
    /// Reports an error; the first one sticks.
    pub fail: unsafe extern "C" fn(*mut Graph, Str) -> Value,
    /// Opens a scope: names inside get the prefix `NAME.`.
    pub push_scope: unsafe extern "C" fn(*mut Graph, Str),
    /// Closes the innermost scope.
    pub pop_scope: unsafe extern "C" fn(*mut Graph),
    /// Channels of a tensor (its second axis); 0 for no tensor.
    pub channels: unsafe extern "C" fn(*mut Graph, Value) -> usize,
    /// A trainable parameter as a tensor: name, shape, its rank, initial values.
    pub parameter: unsafe extern "C" fn(*mut Graph, Str, *const usize, usize, Init) -> Value,
    /// Convolution with parameters `NAME.weight` and `NAME.bias`.
    pub conv2d: unsafe extern "C" fn(*mut Graph, Str, Value, *const Conv2d) -> Value,
    /// Batch normalisation with `NAME.weight`, `.bias`, `.running_mean`, `.running_var`, `.num_batches_tracked`.
    pub batch_norm: unsafe extern "C" fn(*mut Graph, Str, Value) -> Value,
    /// Linear map of the last axis to so many features, with `NAME.weight` and (if 1) `NAME.bias`.
    pub linear: unsafe extern "C" fn(*mut Graph, Str, Value, usize, u32) -> Value,
    /// One of [`act`] with its parameter.
    pub activation: unsafe extern "C" fn(*mut Graph, Value, u32, f64) -> Value,
    /// One of [`pool`] over a window.
    pub pool2d: unsafe extern "C" fn(*mut Graph, Value, u32, *const Pool2d) -> Value,
    /// One of [`pool`] over height and width, which become 1.
    pub global_pool: unsafe extern "C" fn(*mut Graph, Value, u32) -> Value,
    /// Border of a constant: left, right, top, bottom (four sizes), the constant.
    pub pad: unsafe extern "C" fn(*mut Graph, Value, *const usize, f64) -> Value,
    /// Sum, with broadcasting.
    pub add: unsafe extern "C" fn(*mut Graph, Value, Value) -> Value,
    /// Product, with broadcasting.
    pub mul: unsafe extern "C" fn(*mut Graph, Value, Value) -> Value,
    /// x·factor + offset.
    pub affine: unsafe extern "C" fn(*mut Graph, Value, f64, f64) -> Value,
    /// Tensors joined along an axis.
    pub concat: unsafe extern "C" fn(*mut Graph, *const Value, usize, usize) -> Value,
    /// Axis, start, length.
    pub slice: unsafe extern "C" fn(*mut Graph, Value, usize, usize, usize) -> Value,
    /// ShuffleNet's permutation: groups are interleaved.
    pub channel_shuffle: unsafe extern "C" fn(*mut Graph, Value, usize) -> Value,
    /// Height and width times a whole number, by one of [`upsample`].
    pub upsample: unsafe extern "C" fn(*mut Graph, Value, usize, u32) -> Value,
    /// Blocks of size² pixels to channels, in one of [`order`].
    pub space_to_depth: unsafe extern "C" fn(*mut Graph, Value, usize, u32) -> Value,
    /// The inverse.
    pub depth_to_space: unsafe extern "C" fn(*mut Graph, Value, usize, u32) -> Value,
    /// Product of the last two axes; a matrix on the right serves every batch.
    pub matmul: unsafe extern "C" fn(*mut Graph, Value, Value) -> Value,
    /// Softmax along an axis.
    pub softmax: unsafe extern "C" fn(*mut Graph, Value, usize) -> Value,
    /// New shape: a size, 0 to keep the axis of the same position, −1 (once) for what is left.
    pub reshape: unsafe extern "C" fn(*mut Graph, Value, *const i64, usize) -> Value,
    /// Two axes exchanged.
    pub transpose: unsafe extern "C" fn(*mut Graph, Value, usize, usize) -> Value,
    /// `[b, c, h·w]` to `[b, c, h, w]` with the height and width of the second tensor.
    pub unflatten_like: unsafe extern "C" fn(*mut Graph, Value, Value) -> Value,
    /// One of [`status`](super::status): whether a call has failed so far.
    pub status: unsafe extern "C" fn(*mut Graph) -> u32,
    /// What failed first; empty when nothing did. It lives until `build` returns.
    pub message: unsafe extern "C" fn(*mut Graph) -> Str,
    /// An operation of the plugin's own on some tensors, with so many numbers that stay the same in every run.
    pub custom: unsafe extern "C" fn(*mut Graph, *const Op, *const Value, usize, *const f64, usize) -> Value,
}
