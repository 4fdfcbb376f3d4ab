//! The host's table of functions, each declared once: as a field of the C struct [`Host`] and as a method of [`Builder`].
//!
//! A row is the C function without its first argument, which is the graph; then, if blocks call it as it is, what the method
//! takes and how that is passed on. New rows come last, for that is where an older plugin does not look. The suite `header`
//! writes the same table in C.
#![allow(unsafe_code)] // every call goes through a C function pointer of the host's table

use crate::abi::{self, Conv2d, Graph, Op, Pool2d, Str, Value};
use crate::{Act, Builder, Init, Order, Pool, Upsample};

macro_rules! table {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($arg:ident: $c:ty),*) $(-> $result:ty)?
            $(as ($($given:ident: $rust:ty),*) => ($($pass:expr),*))?;
    )*) => {
        /// The functions that a host offers. Tensors are `[batch, channels, height, width]` unless a block reshapes them.
        #[repr(C)]
        pub struct Host {
            /// [`ABI_VERSION`](crate::abi::ABI_VERSION) of the host.
            pub abi_version: u32,
            /// Size of this table in the host.
            pub struct_size: usize,
            $($(#[$doc])* pub $name: unsafe extern "C" fn(*mut Graph, $($c),*) $(-> $result)?,)*
        }

        impl Host {
            /// The name of each function, and where it lies in the table.
            pub const FUNCTIONS: &'static [(&'static str, usize)] =
                &[$((stringify!($name), std::mem::offset_of!(Host, $name))),*];
        }

        impl Builder<'_> {
            $(method! { [$(#[$doc])*] $name [$($result)?] $(($($given: $rust),*) => ($($pass),*))? })*
        }
    };
}

/// The method of a row, if it has one.
macro_rules! method {
    ($doc:tt $name:ident $result:tt) => {};
    ([$(#[$doc:meta])*] $name:ident [$result:ty] ($($given:ident: $rust:ty),*) => ($($pass:expr),*)) => {
        $(#[$doc])*
        pub fn $name(&mut self, $($given: $rust),*) -> $result {
            // SAFETY: `Builder::new` was promised a table and graph that live; arguments are plain data and slices that the
            // host only reads during the call.
            unsafe { ((*self.host).$name)(self.graph, $($pass),*) }
        }
    };
}

table! {
    /// Reports what is wrong with the block's arguments or inputs; the first report sticks. Returns no tensor.
    fn fail(message: Str) -> Value as (message: &str) => (Str::new(message));
    /// Opens a scope: names that follow get the prefix `NAME.`, until pop_scope.
    fn push_scope(name: Str);
    /// Closes the innermost scope.
    fn pop_scope();
    /// Channels: the size of the second axis; 0 for no tensor.
    fn channels(x: Value) -> usize as (x: Value) => (x);
    /// A trainable parameter as a tensor. Its shape must not depend on height and width.
    fn parameter(name: Str, shape: *const usize, rank: usize, init: abi::Init) -> Value
        as (name: &str, shape: &[usize], init: Init) => (Str::new(name), shape.as_ptr(), shape.len(), init.into());
    /// Convolution; parameters `NAME.weight` and, if it has one, `NAME.bias`.
    fn conv2d(name: Str, x: Value, conv: *const Conv2d) -> Value
        as (name: &str, x: Value, conv: Conv2d) => (Str::new(name), x, &conv);
    /// Batch normalisation over channels, eps 1e-3 and momentum 0.03 as everywhere in YOLOv5; parameters and buffers
    /// `NAME.weight`, `.bias`, `.running_mean`, `.running_var` and `.num_batches_tracked`.
    fn batch_norm(name: Str, x: Value) -> Value as (name: &str, x: Value) => (Str::new(name), x);
    /// Linear map of the last axis; parameters `NAME.weight` and, if bias is true, `NAME.bias`.
    fn linear(name: Str, x: Value, features: usize, bias: u32) -> Value
        as (name: &str, x: Value, features: usize, bias: bool) => (Str::new(name), x, features, bias.into());
    /// An activation.
    fn activation(x: Value, act: u32, parameter: f64) -> Value
        as (x: Value, act: Act) => (x, act.code().0, act.code().1);
    /// A pooling window.
    fn pool2d(x: Value, pool: u32, window: *const Pool2d) -> Value
        as (x: Value, pool: Pool, window: Pool2d) => (x, pool.code(), &window);
    /// Pooling over height and width, which become 1.
    fn global_pool(x: Value, pool: u32) -> Value as (x: Value, pool: Pool) => (x, pool.code());
    /// A border of a constant: left, right, top, bottom.
    fn pad(x: Value, border: *const usize, constant: f64) -> Value
        as (x: Value, border: [usize; 4], constant: f64) => (x, border.as_ptr(), constant);
    /// Sum, with broadcasting.
    fn add(a: Value, b: Value) -> Value as (a: Value, b: Value) => (a, b);
    /// Product, with broadcasting.
    fn mul(a: Value, b: Value) -> Value as (a: Value, b: Value) => (a, b);
    /// x factor + offset
    fn affine(x: Value, factor: f64, offset: f64) -> Value
        as (x: Value, factor: f64, offset: f64) => (x, factor, offset);
    /// Tensors joined along an axis; 1 is that of the channels.
    fn concat(tensors: *const Value, len: usize, axis: usize) -> Value
        as (tensors: &[Value], axis: usize) => (tensors.as_ptr(), tensors.len(), axis);
    /// So many elements of an axis, from a first one on.
    fn slice(x: Value, axis: usize, start: usize, length: usize) -> Value
        as (x: Value, axis: usize, start: usize, length: usize) => (x, axis, start, length);
    /// ShuffleNet's channel shuffle: channel i (C / groups) + j becomes j groups + i.
    fn channel_shuffle(x: Value, groups: usize) -> Value as (x: Value, groups: usize) => (x, groups);
    /// Height and width times a whole number.
    fn upsample(x: Value, scale: usize, mode: u32) -> Value
        as (x: Value, scale: usize, mode: Upsample) => (x, scale, mode.code());
    /// Blocks of size x size pixels to channels: `[b, c, h, w]` to `[b, c size size, h / size, w / size]`.
    fn space_to_depth(x: Value, size: usize, order: u32) -> Value
        as (x: Value, size: usize, order: Order) => (x, size, order.code());
    /// The inverse of space_to_depth.
    fn depth_to_space(x: Value, size: usize, order: u32) -> Value
        as (x: Value, size: usize, order: Order) => (x, size, order.code());
    /// Product of the last two axes; a matrix on the right serves every batch.
    fn matmul(a: Value, b: Value) -> Value as (a: Value, b: Value) => (a, b);
    /// Softmax along an axis.
    fn softmax(x: Value, axis: usize) -> Value as (x: Value, axis: usize) => (x, axis);
    /// New shape: a size, 0 to keep the axis of the same position, -1 (once) for what is left.
    fn reshape(x: Value, shape: *const i64, rank: usize) -> Value
        as (x: Value, shape: &[i64]) => (x, shape.as_ptr(), shape.len());
    /// Two axes exchanged.
    fn transpose(x: Value, a: usize, b: usize) -> Value as (x: Value, a: usize, b: usize) => (x, a, b);
    /// `[b, c, h w]` to `[b, c, h, w]`, height and width taken from another tensor.
    fn unflatten_like(x: Value, like: Value) -> Value as (x: Value, like: Value) => (x, like);
    /// Whether a call has failed so far, as a status. No block needs it, but one that emits very much can stop early.
    fn status() -> u32;
    /// What failed first; empty when nothing did. It lives until `build` returns.
    fn message() -> Str;
    /// An operation of the plugin's own on some tensors, with so many numbers that stay the same in every run.
    fn custom(op: *const Op, inputs: *const Value, inputs_len: usize, attributes: *const f64, attributes_len: usize)
        -> Value;
    /// Layer normalisation over the channels of each pixel, as ConvNeXt's LayerNorm2d, with an eps above 0; parameters
    /// `NAME.weight` and `NAME.bias`.
    fn layer_norm(name: Str, x: Value, eps: f64) -> Value
        as (name: &str, x: Value, eps: f64) => (Str::new(name), x, eps);
}
