//! Emits primitives through the host's table of functions. The methods of single operations stand with the table.
#![allow(unsafe_code)] // calls C function pointers of the host's table

use crate::Operation;
use crate::abi::{self, Host, Str, Value};
use std::marker::PhantomData;

/// A graph under construction.
///
/// Tensors are `[batch, channels, height, width]`; batch, height and width are known only when the model runs. A call
/// that fails returns [`Value::NONE`] and the host keeps the first message.
pub struct Builder<'g> {
    pub(crate) host: *const Host,
    pub(crate) graph: *mut abi::Graph,
    _graph: PhantomData<&'g mut abi::Graph>,
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

    /// Runs `inner` with the prefix `NAME.` before its parameter names; dots make several levels.
    pub fn scope<T>(&mut self, name: &str, inner: impl FnOnce(&mut Self) -> T) -> T {
        // SAFETY: as in `is_complete`; the text is only read during the call.
        unsafe { ((*self.host).push_scope)(self.graph, Str::new(name)) };
        let result = inner(self);
        // SAFETY: likewise.
        unsafe { ((*self.host).pop_scope)(self.graph) };
        result
    }

    /// Whether a call has failed so far. No block needs it, but one that emits very much can stop early.
    pub fn failed(&mut self) -> bool {
        // SAFETY: as in `is_complete`.
        unsafe { ((*self.host).status)(self.graph) != abi::status::OK }
    }

    /// An operation of the plugin's own, with some numbers that stay the same in every run.
    pub fn custom(&mut self, operation: &'static Operation, inputs: &[Value], numbers: &[f64]) -> Value {
        let op = operation.descriptor();
        let (inputs, inputs_len) = (inputs.as_ptr(), inputs.len());
        // SAFETY: as in `is_complete`; lists are only read during the call, and the descriptor is copied.
        unsafe { ((*self.host).custom)(self.graph, &op, inputs, inputs_len, numbers.as_ptr(), numbers.len()) }
    }
}
