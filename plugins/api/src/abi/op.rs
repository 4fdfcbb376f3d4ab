//! An operation of a plugin's own, on f32 buffers that the host owns.

use super::Str;
use std::ffi::{c_char, c_void};

/// No tensor has more axes.
pub const MAX_RANK: usize = 8;

/// A tensor in memory: row-major, contiguous, owned by the host.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Tensor {
    /// Number of axes.
    pub rank: usize,
    /// Their sizes.
    pub shape: [usize; MAX_RANK],
    /// The elements; null where there are none to read or write …
    pub data: *mut f32,
    /// … and how many: the product of the sizes.
    pub len: usize,
}

/// What a function of an [`Op`] is called with.
#[repr(C)]
#[derive(Debug)]
pub struct OpCall {
    /// Size of this struct in the host.
    pub struct_size: usize,
    /// The numbers passed to [`Host::custom`](super::Host::custom) …
    pub attributes: *const f64,
    /// … and how many.
    pub attributes_len: usize,
    /// The inputs, only to be read; without elements in `shape` …
    pub inputs: *const Tensor,
    /// … and how many.
    pub inputs_len: usize,
    /// `shape` sets rank and sizes, `forward` the elements, `backward` reads both.
    pub output: *mut Tensor,
    /// For `backward`: the gradient of the output, to be read; else null.
    pub grad_output: *const Tensor,
    /// For `backward`: the gradient of each input, zero so far, to be written; else null. One without elements is not
    /// wanted.
    pub grad_inputs: *const Tensor,
    /// Room for the message of an error: UTF-8, ended by a zero …
    pub message: *mut c_char,
    /// … and how many bytes.
    pub message_len: usize,
}

/// One of the functions of an [`Op`]; returns one of [`status`](super::status). The host may call it on any thread, and on
/// several at once; it must not call the host.
pub type OpFunction = unsafe extern "C" fn(user: *const c_void, call: *mut OpCall) -> u32;

/// An operation, as the host sees it. The host copies it; what it points to lives as long as the process.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Op {
    /// Size of this struct in the plugin.
    pub struct_size: usize,
    /// Its name in messages.
    pub name: Str,
    /// The operator of ONNX's own domain that computes the same from the same inputs, without attributes; empty when there
    /// is none, and then a model with this operation cannot be exported.
    pub onnx: Str,
    /// From the shapes of the inputs to that of the output.
    pub shape: Option<OpFunction>,
    /// From the elements of the inputs to those of the output.
    pub forward: Option<OpFunction>,
    /// From the gradient of the output to those of the inputs; without it a model cannot be trained.
    pub backward: Option<OpFunction>,
    /// Handed to each of the functions.
    pub user: *const c_void,
}

// SAFETY: read-only static data, and functions that the contract wants callable from any thread.
unsafe impl Sync for Op {}
unsafe impl Send for Op {}
