//! What the functions of the host's table take.

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
