//! An operation of a plugin's own, for arithmetic that the builder's operations cannot express.
#![allow(unsafe_code)] // the trampolines turn the raw pointers of a call into slices

use crate::abi::{self, OpCall, Str, Tensor, status};
use crate::block::{panic_text, slice};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A tensor to read: row-major, contiguous.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Its shape.
    pub shape: &'a [usize],
    /// Its elements.
    pub data: &'a [f32],
}

/// From the shapes of the inputs, and the numbers passed to [`Builder::custom`](crate::Builder::custom), to the shape of
/// the output; or why they do not fit. Batch, height and width vary from call to call.
pub type Shape = fn(inputs: &[&[usize]], numbers: &[f64]) -> Result<Vec<usize>, String>;

/// Writes every element of the output.
pub type Forward = fn(inputs: &[Input], numbers: &[f64], output: &mut [f32]) -> Result<(), String>;

/// What [`Backward`] may read.
#[derive(Clone, Copy, Debug)]
pub struct Gradient<'a> {
    /// The inputs, as in [`Forward`].
    pub inputs: &'a [Input<'a>],
    /// The numbers passed to [`Builder::custom`](crate::Builder::custom).
    pub numbers: &'a [f64],
    /// What [`Forward`] wrote.
    pub output: Input<'a>,
    /// The gradient of the output.
    pub grad: &'a [f32],
}

/// Writes the gradient of each input, zero so far. One of no elements is not wanted.
pub type Backward = fn(given: &Gradient, grad_inputs: &mut [&mut [f32]]) -> Result<(), String>;

/// An operation. The host may run it on any thread, and on several at once; the same inputs must give the same output.
pub struct Operation {
    name: &'static str,
    onnx: &'static str,
    shape: Shape,
    forward: Forward,
    backward: Option<Backward>,
}

impl Operation {
    /// An operation that can run, but neither be trained nor exported.
    pub const fn new(name: &'static str, shape: Shape, forward: Forward) -> Self {
        Operation { name, onnx: "", shape, forward, backward: None }
    }

    /// The same with a gradient: models that use it can be trained.
    pub const fn backward(mut self, backward: Backward) -> Self {
        self.backward = Some(backward);
        self
    }

    /// The same with the operator of ONNX's own domain that computes it from the same inputs, without attributes: models
    /// that use it can be exported.
    pub const fn onnx(mut self, operator: &'static str) -> Self {
        self.onnx = operator;
        self
    }

    /// The operation as the host sees it.
    pub(crate) fn descriptor(&'static self) -> abi::Op {
        abi::Op {
            struct_size: size_of::<abi::Op>(),
            name: Str::new(self.name),
            onnx: Str::new(self.onnx),
            shape: Some(shape),
            forward: Some(forward),
            backward: self.backward.map(|_| backward as abi::OpFunction),
            user: std::ptr::from_ref(self).cast(),
        }
    }
}

unsafe extern "C" fn shape(user: *const c_void, call: *mut OpCall) -> u32 {
    guarded(user, call, |op, call| {
        let inputs: Vec<&[usize]> = tensors(call).iter().map(dims).collect();
        let shape = (op.shape)(&inputs, numbers(call))?;
        // SAFETY: the host passes an output to fill.
        let output = unsafe { &mut *call.output };
        output.rank = shape.len();
        output.shape.get_mut(..shape.len()).ok_or("the output has too many axes")?.copy_from_slice(&shape);
        Ok(())
    })
}

unsafe extern "C" fn forward(user: *const c_void, call: *mut OpCall) -> u32 {
    guarded(user, call, |op, call| {
        let inputs: Vec<Input> = tensors(call).iter().map(input).collect();
        // SAFETY: the host passes an output of so many elements, which overlaps with no input.
        let output = unsafe { elements_mut(&*call.output) };
        (op.forward)(&inputs, numbers(call), output)
    })
}

unsafe extern "C" fn backward(user: *const c_void, call: *mut OpCall) -> u32 {
    guarded(user, call, |op, call| {
        let backward = op.backward.ok_or("there is no backward")?;
        let inputs: Vec<Input> = tensors(call).iter().map(input).collect();
        // SAFETY: for a gradient the host passes the output and its gradient, and one gradient an input; these do not
        // overlap.
        let (output, grad, mut grad_inputs) = unsafe {
            let grads = slice(call.grad_inputs, call.inputs_len);
            let grads: Vec<&mut [f32]> = grads.iter().map(|grad| elements_mut(grad)).collect();
            (input(&*call.output), input(&*call.grad_output).data, grads)
        };
        backward(&Gradient { inputs: &inputs, numbers: numbers(call), output, grad }, &mut grad_inputs)
    })
}

/// Runs one function of an operation; an error or a panic becomes a message and a status.
fn guarded(
    user: *const c_void,
    call: *mut OpCall,
    run: impl FnOnce(&Operation, &OpCall) -> Result<(), String>,
) -> u32 {
    // SAFETY: `user` is the `&'static Operation` of `descriptor`; the host passes a call that lives until we return.
    let (op, call) = unsafe { (&*user.cast::<Operation>(), &*call) };
    let message = match catch_unwind(AssertUnwindSafe(|| run(op, call))) {
        Ok(Ok(())) => return status::OK,
        Ok(Err(message)) => message,
        Err(panic) => panic_text(panic),
    };
    let mut end = message.len().min(call.message_len.saturating_sub(1));
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    if call.message_len > 0 {
        // SAFETY: the host passes room for so many bytes, and `end` is less.
        unsafe {
            std::ptr::copy_nonoverlapping(message.as_ptr(), call.message.cast(), end);
            call.message.add(end).write(0);
        }
    }
    status::ERROR
}

fn tensors(call: &OpCall) -> &[Tensor] {
    // SAFETY: the host passes so many inputs, which live during the call.
    unsafe { slice(call.inputs, call.inputs_len) }
}

fn numbers(call: &OpCall) -> &[f64] {
    // SAFETY: likewise.
    unsafe { slice(call.attributes, call.attributes_len) }
}

fn dims(tensor: &Tensor) -> &[usize] {
    &tensor.shape[..tensor.rank]
}

fn input(tensor: &Tensor) -> Input<'_> {
    // SAFETY: the host passes so many elements, which live during the call.
    Input { shape: dims(tensor), data: unsafe { slice(tensor.data, tensor.len) } }
}

/// # Safety
/// The elements are the host's room for a result, which nothing else uses during `'a`.
unsafe fn elements_mut<'a>(tensor: &Tensor) -> &'a mut [f32] {
    match tensor.len {
        0 => &mut [],
        // SAFETY: promised by the caller.
        len => unsafe { std::slice::from_raw_parts_mut(tensor.data, len) },
    }
}
