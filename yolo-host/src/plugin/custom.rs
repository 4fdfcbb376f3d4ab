//! An operation of a plugin's own: its C descriptor and functions, checked and made safe to call.
#![allow(unsafe_code)] // reads the plugin's descriptor and calls its functions

use super::session::watched;
use super::table::text;
use crate::graph::{BuildError, CustomOp, View, check_size};
use std::sync::Arc;
use yolo_plugin::abi::{self, MAX_RANK, OpCall, OpFunction, Tensor, status};

/// The number of bytes that a plugin has for the message of an error.
const MESSAGE: usize = 1024;

/// No name of an operation is longer, in bytes.
const MAX_NAME: usize = 256;

/// A plugin's operation with the numbers that belong to one use of it.
pub struct Custom {
    name: &'static str,
    onnx: Option<&'static str>,
    raw: abi::Op,
    inputs: usize,
    attributes: Vec<f64>,
    owner: Arc<str>,
}

impl Custom {
    /// Reads a plugin's descriptor, if it is one, for a use with so many inputs and these numbers. `owner` names the block and
    /// its library in messages, or is empty.
    ///
    /// # Safety
    /// `op` is null or points to a descriptor; what it points to lives as long as the process.
    pub unsafe fn read(
        op: *const abi::Op,
        inputs: usize,
        attributes: &[f64],
        owner: Arc<str>,
    ) -> Result<Self, BuildError> {
        let misuse = |what: &str| BuildError::Misuse(format!("a custom operation {what}"));
        if op.is_null() || !op.is_aligned() {
            return Err(misuse("is null"));
        }
        // SAFETY: every descriptor begins with its size, and is read whole only if it has all that we know.
        let op = unsafe {
            if (&raw const (*op).struct_size).read() < size_of::<abi::Op>() {
                return Err(misuse("has too small a struct_size"));
            }
            op.read()
        };
        let Some(name) = text(op.name).ok().filter(|name| !name.is_empty() && name.len() <= MAX_NAME) else {
            return Err(misuse("has no readable name"));
        };
        let Some(onnx) = text(op.onnx).ok().filter(|name| name.len() <= MAX_NAME) else {
            return Err(BuildError::Misuse(format!(
                "custom operation `{name}` has no readable name of an ONNX operator"
            )));
        };
        if op.shape.is_none() || op.forward.is_none() {
            return Err(BuildError::Misuse(format!("custom operation `{name}` lacks shape or forward")));
        }
        let onnx = Some(onnx).filter(|name| !name.is_empty());
        Ok(Custom { name, onnx, raw: op, inputs, attributes: attributes.to_vec(), owner })
    }

    /// Calls one of the plugin's functions; `Err` is its message, with the owner.
    fn call(
        &self,
        function: Option<OpFunction>,
        inputs: &[Tensor],
        output: &mut Tensor,
        gradients: Option<(&Tensor, &[Tensor])>,
    ) -> Result<(), String> {
        let function = function.ok_or("a function is missing")?;
        let mut message = [0u8; MESSAGE];
        let mut call = OpCall {
            struct_size: size_of::<OpCall>(),
            attributes: self.attributes.as_ptr(),
            attributes_len: self.attributes.len(),
            inputs: inputs.as_ptr(),
            inputs_len: inputs.len(),
            output,
            grad_output: gradients.map_or(std::ptr::null(), |(grad, _)| grad),
            grad_inputs: gradients.map_or(std::ptr::null(), |(_, grads)| grads.as_ptr()),
            message: message.as_mut_ptr().cast(),
            message_len: MESSAGE,
        };
        // SAFETY: the function is one that the plugin described as such; everything in `call` outlives it, with as many
        // elements as it says, and what it may write is borrowed by nobody else.
        let (result, astray) = watched(|| unsafe { function(self.raw.user, &mut call) });
        let this: &dyn CustomOp = self;
        let end = message.iter().position(|byte| *byte == 0).unwrap_or(MESSAGE);
        match String::from_utf8_lossy(&message[..end]) {
            _ if result == status::OK && !astray => Ok(()),
            _ if result == status::OK => Err(this.with_owner("calls the host, which an operation must not")),
            text if text.is_empty() => Err(this.with_owner(&format!("failed with status {result}"))),
            text => Err(this.with_owner(&text)),
        }
    }
}

impl CustomOp for Custom {
    fn name(&self) -> &'static str {
        self.name
    }

    fn attributes(&self) -> &[f64] {
        &self.attributes
    }

    /// Functions may have several addresses; what the plugin hands to them has one.
    fn identity(&self) -> usize {
        self.raw.user.addr()
    }

    fn owner(&self) -> &str {
        &self.owner
    }

    fn onnx(&self) -> Option<&'static str> {
        self.onnx
    }

    fn has_backward(&self) -> bool {
        self.raw.backward.is_some()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        if inputs.len() != self.inputs {
            return Err(format!("takes {} inputs here, not {}", self.inputs, inputs.len()));
        }
        let tensors = inputs.iter().map(|shape| tensor(shape, &[])).collect::<Result<Vec<_>, _>>()?;
        let mut output = NOTHING;
        self.call(self.raw.shape, &tensors, &mut output, None)?;
        match output.shape.get(..output.rank) {
            Some(shape) if !shape.is_empty() => check_size(shape.to_vec()),
            _ => {
                let this: &dyn CustomOp = self;
                Err(this.with_owner(&format!("its output has {} axes", output.rank)))
            }
        }
    }

    fn forward_into(&self, inputs: &[View], shape: &[usize], values: &mut [f32]) -> Result<(), String> {
        let tensors = tensors(inputs)?;
        let mut output = tensor(shape, values)?;
        output.data = values.as_mut_ptr();
        self.call(self.raw.forward, &tensors, &mut output, None)
    }

    fn backward_into(
        &self,
        inputs: &[View],
        output: View,
        grad_output: &[f32],
        grads: &mut [Vec<f32>],
    ) -> Result<(), String> {
        let mut saved = tensor(output.0, output.1)?;
        let grad_output = tensor(output.0, grad_output)?;
        let mut grad_inputs = Vec::with_capacity(inputs.len());
        for ((shape, _), grad) in inputs.iter().zip(grads) {
            let mut tensor = tensor(shape, grad)?;
            if !grad.is_empty() {
                tensor.data = grad.as_mut_ptr();
            }
            grad_inputs.push(tensor);
        }
        let gradients = Some((&grad_output, grad_inputs.as_slice()));
        self.call(self.raw.backward, &tensors(inputs)?, &mut saved, gradients)
    }
}

const NOTHING: Tensor = Tensor { rank: 0, shape: [0; MAX_RANK], data: std::ptr::null_mut(), len: 0 };

fn tensors(inputs: &[View]) -> Result<Vec<Tensor>, String> {
    inputs.iter().map(|(shape, values)| tensor(shape, values)).collect()
}

/// The C form of a tensor that is only read, unless it has too many axes.
fn tensor(shape: &[usize], values: &[f32]) -> Result<Tensor, String> {
    let mut tensor = Tensor { rank: shape.len(), len: values.len(), ..NOTHING };
    let sizes = tensor.shape.get_mut(..shape.len());
    sizes.ok_or_else(|| format!("takes at most {MAX_RANK} axes"))?.copy_from_slice(shape);
    if !values.is_empty() {
        tensor.data = values.as_ptr().cast_mut();
    }
    Ok(tensor)
}
