//! What crosses the border between a plugin and the host: plain C data and a table of functions.
//!
//! `include/yolo_plugin.h` says the same in C, and the suite `header` compares the two. Safe Rust never needs this module;
//! [`Builder`](crate::Builder), [`Block`](crate::Block) and [`Operation`](crate::Operation) stand in front of it.
//!
//! What may grow starts with its size, and fields are only ever appended. [`Str`], [`Value`], [`Arg`], [`Param`], [`Conv2d`],
//! [`Pool2d`], [`Init`] and [`Tensor`] stay as they are: what they cannot say comes as a new function or field elsewhere.
#![allow(unsafe_code)] // raw pointers to static data, and the promise that such data can be shared

mod block;
mod host;
mod op;

pub use crate::table::Host;
pub use block::{Arg, Block, Call, Param, REPEAT_ARGUMENT, REPEAT_STACK, kind};
pub use host::{Conv2d, Init, Pool2d, act, init, order, pool, upsample};
pub use op::{MAX_RANK, Op, OpCall, OpFunction, Tensor};

/// Changes when something existing changes its meaning; appended fields do not count.
pub const ABI_VERSION: u32 = 1;

/// The one symbol that a library exports: an [`Entry`].
pub const ENTRY: &str = "yolo_plugin_entry";

/// Returns the library's description, which lives as long as the process; null when the library cannot be used.
pub type Entry = unsafe extern "C" fn() -> *const Plugin;

/// A library, as the host sees it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Plugin {
    /// [`ABI_VERSION`] that the library was built with.
    pub abi_version: u32,
    /// Size of this struct in the library.
    pub struct_size: usize,
    /// Name of the plugin.
    pub name: Str,
    /// Its version.
    pub version: Str,
    /// Its blocks …
    pub blocks: *const *const Block,
    /// … and how many.
    pub blocks_len: usize,
}

// SAFETY: read-only static data, as `Str` is.
unsafe impl Sync for Plugin {}
unsafe impl Send for Plugin {}

/// What [`Host::status`] and the functions of an [`Op`] return.
pub mod status {
    /// All is well.
    pub const OK: u32 = 0;
    /// The block or operation reports an error of its own.
    pub const ERROR: u32 = 1;
    /// An operation does not fit its inputs.
    pub const SHAPE: u32 = 2;
    /// A call that no correct plugin makes.
    pub const MISUSE: u32 = 3;
    /// More than the host allows.
    pub const TOO_LARGE: u32 = 4;
}

/// UTF-8 text, not terminated.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Str {
    /// First byte.
    pub data: *const u8,
    /// Length in bytes.
    pub len: usize,
}

// SAFETY: a `Str` is only a read-only view; whoever makes one keeps the bytes alive and unchanged.
unsafe impl Sync for Str {}
unsafe impl Send for Str {}

impl Str {
    /// No text.
    pub const EMPTY: Str = Str::new("");

    /// A view of `text`.
    pub const fn new(text: &str) -> Self {
        Str { data: text.as_ptr(), len: text.len() }
    }

    /// The text, or `None` when it is not UTF-8 or the pointer is null.
    ///
    /// # Safety
    /// `data` is null or points to `len` readable bytes that outlive `'a`.
    pub unsafe fn get<'a>(self) -> Option<&'a str> {
        if self.data.is_null() {
            return None;
        }
        // SAFETY: promised by the caller.
        std::str::from_utf8(unsafe { std::slice::from_raw_parts(self.data, self.len) }).ok()
    }
}

/// A graph under construction, owned by the host.
#[repr(C)]
pub struct Graph {
    _private: [u8; 0],
}

/// One tensor of the graph. Zero is never a tensor: it is what a failed call returns, and every call that receives
/// it returns it again, so that a block needs no error handling of its own.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value(pub u64);

impl Value {
    /// The result of a failed call.
    pub const NONE: Value = Value(0);
}
