//! Emits primitives through the host's table of functions.
#![allow(unsafe_code)] // every call goes through a C function pointer of the host's table

use crate::Operation;
use crate::abi::{self, Conv2d, Host, Pool2d, Str, Value};
use std::marker::PhantomData;

/// An elementwise activation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    /// max(x, 0)
    Relu,
    /// min(max(x, 0), 6)
    Relu6,
    /// x, or slope·x below zero
    LeakyRelu(f64),
    /// x·sigmoid(x)
    Silu,
    /// 1 / (1 + e^−x)
    Sigmoid,
    /// relu6(x + 3) / 6
    HardSigmoid,
    /// x·relu6(x + 3) / 6
    HardSwish,
    /// tanh(x)
    Tanh,
    /// x·tanh(ln(1 + e^x))
    Mish,
    /// That of YOLOv5's `Conv(act=True)`: SiLU, unless the model file's key `activation` names another.
    Conv,
}

impl Act {
    /// Its kind in [`abi::act`], and its parameter.
    pub const fn code(self) -> (u32, f64) {
        match self {
            Act::Relu => (abi::act::RELU, 0.0),
            Act::Relu6 => (abi::act::RELU6, 0.0),
            Act::LeakyRelu(slope) => (abi::act::LEAKY_RELU, slope),
            Act::Silu => (abi::act::SILU, 0.0),
            Act::Sigmoid => (abi::act::SIGMOID, 0.0),
            Act::HardSigmoid => (abi::act::HARD_SIGMOID, 0.0),
            Act::HardSwish => (abi::act::HARD_SWISH, 0.0),
            Act::Tanh => (abi::act::TANH, 0.0),
            Act::Mish => (abi::act::MISH, 0.0),
            Act::Conv => (abi::act::CONV, 0.0),
        }
    }

    /// The activation of a kind in [`abi::act`] and its parameter.
    pub fn from_code(kind: u32, parameter: f64) -> Option<Self> {
        let all =
            [Act::Relu, Act::Relu6, Act::LeakyRelu(parameter), Act::Silu, Act::Sigmoid, Act::HardSigmoid];
        let mut all = all.into_iter().chain([Act::HardSwish, Act::Tanh, Act::Mish, Act::Conv]);
        all.find(|act| act.code().0 == kind)
    }
}

/// What a pooling window yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// The largest element.
    Max = abi::pool::MAX as isize,
    /// The mean.
    Average = abi::pool::AVERAGE as isize,
}

impl Pool {
    /// The kind with this number in [`abi::pool`].
    pub fn from_code(kind: u32) -> Option<Self> {
        match kind {
            abi::pool::MAX => Some(Self::Max),
            abi::pool::AVERAGE => Some(Self::Average),
            _ => None,
        }
    }
}

/// How `upsample` fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upsample {
    /// Each element repeated.
    Nearest = abi::upsample::NEAREST as isize,
    /// Bilinear, corners not aligned.
    Bilinear = abi::upsample::BILINEAR as isize,
}

impl Upsample {
    /// The kind with this number in [`abi::upsample`].
    pub fn from_code(kind: u32) -> Option<Self> {
        match kind {
            abi::upsample::NEAREST => Some(Self::Nearest),
            abi::upsample::BILINEAR => Some(Self::Bilinear),
            _ => None,
        }
    }
}

/// Channel order of `space_to_depth` and its inverse, with block s and offsets (dy, dx) inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Channel (dy·s + dx)·C + c: YOLOv5's Contract and Expand.
    Rows = abi::order::ROWS as isize,
    /// Channel (dx·s + dy)·C + c: YOLOv5's Focus.
    Columns = abi::order::COLUMNS as isize,
}

impl Order {
    /// The kind with this number in [`abi::order`].
    pub fn from_code(kind: u32) -> Option<Self> {
        match kind {
            abi::order::ROWS => Some(Self::Rows),
            abi::order::COLUMNS => Some(Self::Columns),
            _ => None,
        }
    }
}

/// How a new parameter is filled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Every element the same.
    Constant(f64),
    /// Uniform between two bounds.
    Uniform(f64, f64),
    /// Normal with mean and standard deviation.
    Normal(f64, f64),
}

impl Init {
    /// The filling that the C struct describes.
    pub fn from_code(init: abi::Init) -> Option<Self> {
        match init.kind {
            abi::init::CONSTANT => Some(Init::Constant(init.a)),
            abi::init::UNIFORM => Some(Init::Uniform(init.a, init.b)),
            abi::init::NORMAL => Some(Init::Normal(init.a, init.b)),
            _ => None,
        }
    }
}

impl From<Init> for abi::Init {
    fn from(init: Init) -> Self {
        match init {
            Init::Constant(a) => abi::Init { kind: abi::init::CONSTANT, a, b: 0.0 },
            Init::Uniform(a, b) => abi::Init { kind: abi::init::UNIFORM, a, b },
            Init::Normal(a, b) => abi::Init { kind: abi::init::NORMAL, a, b },
        }
    }
}

/// A graph under construction.
///
/// Tensors are `[batch, channels, height, width]`; batch, height and width are known only when the model runs. A call
/// that fails returns [`Value::NONE`] and the host keeps the first message.
pub struct Builder<'g> {
    host: *const Host,
    graph: *mut abi::Graph,
    _graph: PhantomData<&'g mut abi::Graph>,
}

/// Calls one function of the table.
macro_rules! call {
    ($self:ident . $function:ident ( $($arg:expr),* )) => {
        // SAFETY: `Builder::new` was promised a table and graph that live; arguments are plain data and slices that
        // the host only reads during the call.
        unsafe { ((*$self.host).$function)($self.graph, $($arg),*) }
    };
}

impl<'g> Builder<'g> {
    /// A builder over a host's table.
    ///
    /// # Safety
    /// `host` and `graph` stay valid for `'g`, and nothing else uses `graph` meanwhile.
    pub unsafe fn new(host: *const Host, graph: *mut abi::Graph) -> Self {
        Builder { host, graph, _graph: PhantomData }
    }

    /// Whether the host's table has all the functions that this crate knows.
    pub(crate) fn is_complete(&self) -> bool {
        // SAFETY: `new` was promised a table; every one begins with its version and size.
        unsafe { (*self.host).struct_size >= size_of::<Host>() }
    }

    /// Reports what is wrong with the block's arguments or inputs; the first report sticks.
    pub fn fail(&mut self, message: &str) -> Value {
        call!(self.fail(Str::new(message)))
    }

    /// Runs `inner` with the prefix `NAME.` before its parameter names; dots make several levels.
    pub fn scope<T>(&mut self, name: &str, inner: impl FnOnce(&mut Self) -> T) -> T {
        call!(self.push_scope(Str::new(name)));
        let result = inner(self);
        call!(self.pop_scope());
        result
    }

    /// Channels (size of the second axis); 0 for [`Value::NONE`].
    pub fn channels(&mut self, x: Value) -> usize {
        call!(self.channels(x))
    }

    /// A trainable parameter as a tensor.
    pub fn parameter(&mut self, name: &str, shape: &[usize], init: Init) -> Value {
        call!(self.parameter(Str::new(name), shape.as_ptr(), shape.len(), init.into()))
    }

    /// Convolution; parameters `NAME.weight` and, if it has one, `NAME.bias`.
    pub fn conv2d(&mut self, name: &str, x: Value, conv: Conv2d) -> Value {
        call!(self.conv2d(Str::new(name), x, &conv))
    }

    /// Batch normalisation over channels, eps 1e-3 and momentum 0.03 as everywhere in YOLOv5.
    pub fn batch_norm(&mut self, name: &str, x: Value) -> Value {
        call!(self.batch_norm(Str::new(name), x))
    }

    /// Linear map of the last axis; parameters `NAME.weight` and `NAME.bias`.
    pub fn linear(&mut self, name: &str, x: Value, features: usize, bias: bool) -> Value {
        call!(self.linear(Str::new(name), x, features, bias.into()))
    }

    /// An activation.
    pub fn activation(&mut self, x: Value, act: Act) -> Value {
        let (kind, parameter) = act.code();
        call!(self.activation(x, kind, parameter))
    }

    /// A pooling window.
    pub fn pool2d(&mut self, x: Value, pool: Pool, window: Pool2d) -> Value {
        call!(self.pool2d(x, pool as u32, &window))
    }

    /// `[b, c, h, w]` to `[b, c, 1, 1]`.
    pub fn global_pool(&mut self, x: Value, pool: Pool) -> Value {
        call!(self.global_pool(x, pool as u32))
    }

    /// A border of a constant: left, right, top, bottom.
    pub fn pad(&mut self, x: Value, border: [usize; 4], constant: f64) -> Value {
        call!(self.pad(x, border.as_ptr(), constant))
    }

    /// Sum, with broadcasting.
    pub fn add(&mut self, a: Value, b: Value) -> Value {
        call!(self.add(a, b))
    }

    /// Product, with broadcasting.
    pub fn mul(&mut self, a: Value, b: Value) -> Value {
        call!(self.mul(a, b))
    }

    /// x·factor + offset.
    pub fn affine(&mut self, x: Value, factor: f64, offset: f64) -> Value {
        call!(self.affine(x, factor, offset))
    }

    /// Tensors joined along an axis (1: channels).
    pub fn concat(&mut self, tensors: &[Value], axis: usize) -> Value {
        call!(self.concat(tensors.as_ptr(), tensors.len(), axis))
    }

    /// `length` elements of an axis from `start`.
    pub fn slice(&mut self, x: Value, axis: usize, start: usize, length: usize) -> Value {
        call!(self.slice(x, axis, start, length))
    }

    /// ShuffleNet's channel shuffle: `[b, g·n, h, w]`, channel i·n + j becomes j·g + i.
    pub fn channel_shuffle(&mut self, x: Value, groups: usize) -> Value {
        call!(self.channel_shuffle(x, groups))
    }

    /// Height and width times `scale`.
    pub fn upsample(&mut self, x: Value, scale: usize, mode: Upsample) -> Value {
        call!(self.upsample(x, scale, mode as u32))
    }

    /// `[b, c, h, w]` to `[b, c·s², h/s, w/s]`.
    pub fn space_to_depth(&mut self, x: Value, size: usize, order: Order) -> Value {
        call!(self.space_to_depth(x, size, order as u32))
    }

    /// `[b, c, h, w]` to `[b, c/s², h·s, w·s]`.
    pub fn depth_to_space(&mut self, x: Value, size: usize, order: Order) -> Value {
        call!(self.depth_to_space(x, size, order as u32))
    }

    /// Matrix product of the last two axes.
    pub fn matmul(&mut self, a: Value, b: Value) -> Value {
        call!(self.matmul(a, b))
    }

    /// Softmax along an axis.
    pub fn softmax(&mut self, x: Value, axis: usize) -> Value {
        call!(self.softmax(x, axis))
    }

    /// New shape: a size, 0 to keep the axis of the same position, −1 (once) for what is left.
    pub fn reshape(&mut self, x: Value, shape: &[i64]) -> Value {
        call!(self.reshape(x, shape.as_ptr(), shape.len()))
    }

    /// Two axes exchanged.
    pub fn transpose(&mut self, x: Value, a: usize, b: usize) -> Value {
        call!(self.transpose(x, a, b))
    }

    /// `[b, c, h·w]` to `[b, c, h, w]`, height and width taken from `like`.
    pub fn unflatten_like(&mut self, x: Value, like: Value) -> Value {
        call!(self.unflatten_like(x, like))
    }

    /// Whether a call has failed so far. No block needs it, but one that emits very much can stop early.
    pub fn failed(&mut self) -> bool {
        call!(self.status()) != abi::status::OK
    }

    /// An operation of the plugin's own, with some numbers that stay the same in every run.
    pub fn custom(&mut self, operation: &'static Operation, inputs: &[Value], numbers: &[f64]) -> Value {
        let op = operation.descriptor();
        call!(self.custom(&op, inputs.as_ptr(), inputs.len(), numbers.as_ptr(), numbers.len()))
    }
}
