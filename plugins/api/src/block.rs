//! A block as its author writes it, and its way into the host's registry.
#![allow(unsafe_code)] // the trampoline turns the raw pointers of a call into references

use crate::abi::{self, Call};
use crate::{Args, Builder, Param, Value};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Emits a block: receives the layers named by `from` and the arguments, returns the output.
pub type Build = fn(&mut Builder, &[Value], &Args) -> Value;

/// What `number` in a YAML row does, after `depth_multiple` has scaled it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The whole block is stacked so often.
    Stack,
    /// The block repeats its inner part: [`Args::repeat`].
    Argument,
}

/// A block that YAML can name. Make it a `static` and [`register!`](crate::register) it.
pub struct Block {
    /// The name in YAML.
    pub name: &'static str,
    /// One line for `yolo blocks`.
    pub help: &'static str,
    /// Positional arguments.
    pub params: &'static [Param],
    /// Meaning of `number`.
    pub repeat: Repeat,
    /// Fewest and most layers in `from`.
    pub inputs: (usize, usize),
    /// Emits it.
    pub build: Build,
}

impl Block {
    /// A block of one input without arguments, which stacks; change the fields that differ.
    pub const fn new(name: &'static str, help: &'static str, build: Build) -> Self {
        Block { name, help, params: &[], repeat: Repeat::Stack, inputs: (1, 1), build }
    }

    /// The same with these positional arguments.
    pub const fn params(mut self, params: &'static [Param]) -> Self {
        self.params = params;
        self
    }

    /// The same with `number` handed over instead of stacked.
    pub const fn repeats_inside(mut self) -> Self {
        self.repeat = Repeat::Argument;
        self
    }

    /// The same with `from` naming between `min` and `max` layers.
    pub const fn inputs(mut self, min: usize, max: usize) -> Self {
        self.inputs = (min, max);
        self
    }

    /// The block as the host sees it, the same for one linked in and one loaded from a library.
    pub fn descriptor(&'static self) -> abi::Block {
        abi::Block {
            struct_size: size_of::<abi::Block>(),
            name: abi::Str::new(self.name),
            help: abi::Str::new(self.help),
            params: self.params.as_ptr().cast(),
            params_len: self.params.len(),
            repeat: match self.repeat {
                Repeat::Stack => abi::REPEAT_STACK,
                Repeat::Argument => abi::REPEAT_ARGUMENT,
            },
            min_inputs: self.inputs.0,
            max_inputs: self.inputs.1,
            build: Some(trampoline),
            user: std::ptr::from_ref(self).cast(),
        }
    }
}

/// Calls [`Block::build`] from the host's side of the border; a panic ends here and becomes an error of the block.
unsafe extern "C" fn trampoline(user: *const c_void, call: *const Call) -> Value {
    // SAFETY: `user` is the `&'static Block` of `descriptor`; the host passes a call that lives until we return,
    // its arrays as long as it says.
    let (block, call, inputs, args) = unsafe {
        let call = &*call;
        (
            &*user.cast::<Block>(),
            call,
            slice(call.inputs, call.inputs_len),
            Args {
                params: (*user.cast::<Block>()).params,
                args: slice(call.args, call.args_len),
                repeat: call.repeat,
            },
        )
    };
    // SAFETY: the host's table and graph outlive the call.
    let mut builder = unsafe { Builder::new(call.host, call.graph) };
    if !builder.is_complete() {
        return builder.fail("the plugin was built for a newer host; update this program");
    }
    match catch_unwind(AssertUnwindSafe(|| (block.build)(&mut builder, inputs, &args))) {
        Ok(value) => value,
        Err(panic) => builder.fail(&panic_text(panic)),
    }
}

/// # Safety
/// `data` points to `len` elements that outlive `'a`, or `len` is 0.
pub(crate) unsafe fn slice<'a, T>(data: *const T, len: usize) -> &'a [T] {
    if len == 0 {
        return &[];
    }
    // SAFETY: promised by the caller.
    unsafe { std::slice::from_raw_parts(data, len) }
}

/// What a panic says. Its value is given up, not dropped: that could panic again, and nothing would catch it.
pub(crate) fn panic_text(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message");
    let text = format!("panicked: {text}");
    std::mem::forget(panic);
    text
}

/// A block together with the crate that it came from; [`register!`](crate::register) makes it.
pub struct Registered {
    /// The block.
    pub block: &'static Block,
    /// Name of the crate.
    pub plugin: &'static str,
    /// Its version.
    pub version: &'static str,
}

inventory::collect!(Registered);

/// Every block that is linked into this program, in no particular order.
pub fn registered() -> impl Iterator<Item = &'static Registered> {
    inventory::iter::<Registered>.into_iter()
}

/// Puts static blocks into the registry of every program that links this crate: `register!(SQUEEZE, EXPAND);`
#[macro_export]
macro_rules! register {
    ($($block:path),+ $(,)?) => {
        $($crate::inventory::submit! {
            $crate::Registered {
                block: &$block,
                plugin: env!("CARGO_PKG_NAME"),
                version: env!("CARGO_PKG_VERSION"),
            }
        })+
    };
}
