//! A block, its parameters, and the call that builds it.

use super::{Graph, Host, Str, Value};
use std::ffi::c_void;

/// [`Arg::kind`]: which field holds the argument. The same numbers serve [`Param::kind`].
pub mod kind {
    /// `None` in YAML.
    pub const NONE: u32 = 0;
    /// Output channels; `width_multiple` scales the first of a block's widths. As an argument, an integer.
    pub const WIDTH: u32 = 1;
    /// An integer.
    pub const INT: u32 = 2;
    /// True (1) or false (0), in `int`.
    pub const BOOL: u32 = 3;
    /// A number.
    pub const FLOAT: u32 = 4;
    /// One of a few words.
    pub const CHOICE: u32 = 5;
    /// A list of integers; one integer is a list of one.
    pub const INTS: u32 = 6;
    /// An activation: one of [`act`](crate::abi::act) in `int`, its parameter in `float`. In YAML True, which is
    /// [`act::CONV`](crate::abi::act::CONV), or a module such as `nn.ReLU()`; False, None and `nn.Identity()` give [`NONE`].
    pub const ACTIVATION: u32 = 7;
}

/// One argument, checked against its [`Param`] by the host.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// One of [`kind`].
    pub kind: u32,
    /// For width, int and bool.
    pub int: i64,
    /// For float.
    pub float: f64,
    /// For choice.
    pub text: Str,
    /// For int lists: the first element …
    pub ints: *const i64,
    /// … and how many there are.
    pub ints_len: usize,
}

// SAFETY: as for `Str`: a read-only view.
unsafe impl Sync for Arg {}
unsafe impl Send for Arg {}

impl Arg {
    /// No value.
    pub const NONE: Arg =
        Arg { kind: kind::NONE, int: 0, float: 0.0, text: Str::EMPTY, ints: std::ptr::null(), ints_len: 0 };
}

/// One positional argument of a block, as written in YAML.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name in messages.
    pub name: Str,
    /// One line of help.
    pub help: Str,
    /// One of [`kind`].
    pub kind: u32,
    /// 1: may be left out or `None`, and is then `default`.
    pub optional: u32,
    /// What stands in for a missing argument.
    pub default: Arg,
    /// Smallest integer allowed (in lists, each element).
    pub min: i64,
    /// Largest integer allowed. The host refuses what is beyond ±2²⁰.
    pub max: i64,
    /// The words of a choice …
    pub choices: *const Str,
    /// … and how many.
    pub choices_len: usize,
}

// SAFETY: as for `Str`: a read-only view.
unsafe impl Sync for Param {}
unsafe impl Send for Param {}

/// `Block::repeat`: the host stacks `number × depth_multiple` copies.
pub const REPEAT_STACK: u32 = 0;
/// `Block::repeat`: the count is handed to `build`.
pub const REPEAT_ARGUMENT: u32 = 1;

/// What `build` is called with.
#[repr(C)]
pub struct Call {
    /// Size of this struct in the host.
    pub struct_size: usize,
    /// The functions to call.
    pub host: *const Host,
    /// What to pass to them first.
    pub graph: *mut Graph,
    /// The layers named by `from` …
    pub inputs: *const Value,
    /// … and how many.
    pub inputs_len: usize,
    /// The arguments, one for each of the block's parameters, defaults filled in …
    pub args: *const Arg,
    /// … and how many.
    pub args_len: usize,
    /// How often to repeat the inner part ([`REPEAT_ARGUMENT`]); else 1.
    pub repeat: usize,
}

/// A block, as the host sees it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Size of this struct in the plugin.
    pub struct_size: usize,
    /// The name in YAML.
    pub name: Str,
    /// One line of help.
    pub help: Str,
    /// Positional arguments …
    pub params: *const Param,
    /// … and how many.
    pub params_len: usize,
    /// [`REPEAT_STACK`] or [`REPEAT_ARGUMENT`].
    pub repeat: u32,
    /// Fewest layers in `from`.
    pub min_inputs: usize,
    /// Most layers in `from`.
    pub max_inputs: usize,
    /// Emits the block and returns its output.
    pub build: Option<unsafe extern "C" fn(user: *const c_void, call: *const Call) -> Value>,
    /// Handed to `build`.
    pub user: *const c_void,
}
