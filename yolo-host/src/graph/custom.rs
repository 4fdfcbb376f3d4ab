//! An operation of a plugin's own, checked and made safe to call.
#![allow(unsafe_code)] // reads the plugin's descriptor and calls its functions

use super::BuildError;
use super::shape::limited;
use crate::plugin::session::watched;
use crate::plugin::table::text;
use std::fmt;
use std::sync::Arc;
use yolo_plugin::abi::{self, MAX_RANK, OpCall, OpFunction, Tensor, status};

/// The number of bytes that a plugin has for the message of an error.
const MESSAGE: usize = 1024;

/// No name of an operation is longer, in bytes.
const MAX_NAME: usize = 256;

/// A plugin's operation with the numbers that belong to one use of it.
#[derive(Clone)]
pub struct Custom {
    name: &'static str,
    onnx: Option<&'static str>,
    raw: abi::Op,
    inputs: usize,
    attributes: Vec<f64>,
    owner: Arc<str>,
}

/// A custom operation that failed while it ran.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("custom operation `{op}`: {why}")]
pub struct CustomError {
    /// Its name.
    pub op: String,
    /// What it reports.
    pub why: String,
}

/// A tensor to read: its shape and its elements.
pub type View<'a> = (&'a [usize], &'a [f32]);

impl Custom {
    /// Reads a plugin's descriptor, if it is one.
    ///
    /// # Safety
    /// `op` is null or points to a descriptor; what it points to lives as long as the process.
    pub unsafe fn read(op: *const abi::Op, inputs: usize, attributes: &[f64]) -> Result<Self, BuildError> {
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
        Ok(Custom { name, onnx, raw: op, inputs, attributes: attributes.to_vec(), owner: "".into() })
    }

    /// Names the block of a library in its errors from now on.
    pub(super) fn set_owner(&mut self, owner: &Arc<str>) {
        self.owner = owner.clone();
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The ONNX operator that computes the same, if there is one.
    pub fn onnx(&self) -> Option<&'static str> {
        self.onnx
    }

    /// Whether models that use it can be trained.
    pub fn has_backward(&self) -> bool {
        self.raw.backward.is_some()
    }

    /// The output shape for these input shapes, or why they do not fit.
    pub fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        if inputs.len() != self.inputs {
            return Err(format!("takes {} inputs here, not {}", self.inputs, inputs.len()));
        }
        let tensors: Option<Vec<Tensor>> = inputs.iter().map(|shape| tensor(shape, &[])).collect();
        let tensors = tensors.ok_or_else(|| format!("takes at most {MAX_RANK} axes"))?;
        let mut output = NOTHING;
        self.call(self.raw.shape, &tensors, &mut output, None)?;
        match output.shape.get(..output.rank) {
            Some(shape) if !shape.is_empty() => limited(shape.to_vec()),
            _ => Err(self.owned(&format!("its output has {} axes", output.rank))),
        }
    }

    /// Computes the output. Its shape must be the one expected: a plugin that changes its mind is found out here.
    pub fn forward(&self, inputs: &[View], expected: &[usize]) -> Result<Vec<f32>, CustomError> {
        let tensors = self.tensors(inputs)?;
        let shapes: Vec<&[usize]> = inputs.iter().map(|(shape, _)| *shape).collect();
        let shape = self.shape(&shapes).map_err(|why| self.error(&why))?;
        if shape != expected {
            return Err(
                self.error(&self.owned(&format!("its output is {shape:?}, where it was {expected:?}")))
            );
        }
        // Where the operation forgets an element, a NaN stands and is seen.
        let mut values = vec![f32::NAN; shape.iter().product()];
        let shape = shape.as_slice();
        let mut output = tensor(shape, &values).ok_or_else(|| self.error("too many axes"))?;
        output.data = values.as_mut_ptr();
        self.call(self.raw.forward, &tensors, &mut output, None).map_err(|why| self.error(&why))?;
        Ok(values)
    }

    /// The gradient of each input from that of the output; of an input that wants none, nothing.
    pub fn backward(
        &self,
        inputs: &[View],
        output: View,
        grad_output: &[f32],
        wanted: &[bool],
    ) -> Result<Vec<Vec<f32>>, CustomError> {
        if !self.has_backward() {
            return Err(self.error("has no backward, so that the model cannot be trained"));
        }
        let fits = |view: &View| view.0.iter().product::<usize>() == view.1.len();
        let shapes: Vec<&[usize]> = inputs.iter().map(|(shape, _)| *shape).collect();
        if self.shape(&shapes).as_deref() != Ok(output.0)
            || wanted.len() != inputs.len()
            || grad_output.len() != output.1.len()
            || !fits(&output)
        {
            return Err(self.error("its gradient was asked with tensors that do not fit"));
        }
        let tensors = self.tensors(inputs)?;
        let too_many = || self.error("too many axes");
        let mut saved = tensor(output.0, output.1).ok_or_else(too_many)?;
        let grad_output = tensor(output.0, grad_output).ok_or_else(too_many)?;
        let mut grads: Vec<Vec<f32>> = inputs
            .iter()
            .zip(wanted)
            .map(|((_, values), wanted)| if *wanted { vec![0.0; values.len()] } else { vec![] })
            .collect();
        let mut grad_inputs = Vec::with_capacity(inputs.len());
        for ((shape, _), grad) in inputs.iter().zip(&mut grads) {
            let mut tensor = tensor(shape, grad).ok_or_else(too_many)?;
            if !grad.is_empty() {
                tensor.data = grad.as_mut_ptr();
            }
            grad_inputs.push(tensor);
        }
        let gradients = Some((&grad_output, grad_inputs.as_slice()));
        self.call(self.raw.backward, &tensors, &mut saved, gradients).map_err(|why| self.error(&why))?;
        Ok(grads)
    }

    fn tensors(&self, inputs: &[View]) -> Result<Vec<Tensor>, CustomError> {
        let tensors = inputs.iter().map(|(shape, values)| {
            let fits = shape.iter().product::<usize>() == values.len();
            tensor(shape, values).filter(|_| fits)
        });
        tensors.collect::<Option<_>>().ok_or_else(|| self.error("an input does not fit its shape"))
    }

    fn error(&self, why: &str) -> CustomError {
        CustomError { op: self.name.to_string(), why: why.to_string() }
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
        let end = message.iter().position(|byte| *byte == 0).unwrap_or(MESSAGE);
        match String::from_utf8_lossy(&message[..end]) {
            _ if result == status::OK && !astray => Ok(()),
            _ if result == status::OK => Err(self.owned("calls the host, which an operation must not")),
            text if text.is_empty() => Err(self.owned(&format!("failed with status {result}"))),
            text => Err(self.owned(&text)),
        }
    }

    fn owned(&self, why: &str) -> String {
        match &*self.owner {
            "" => why.to_string(),
            owner => format!("{why}, in {owner}"),
        }
    }
}

const NOTHING: Tensor = Tensor { rank: 0, shape: [0; MAX_RANK], data: std::ptr::null_mut(), len: 0 };

/// The C form of a tensor that is only read, unless it has too many axes.
fn tensor(shape: &[usize], values: &[f32]) -> Option<Tensor> {
    let mut tensor = Tensor { rank: shape.len(), len: values.len(), ..NOTHING };
    tensor.shape.get_mut(..shape.len())?.copy_from_slice(shape);
    if !values.is_empty() {
        tensor.data = values.as_ptr().cast_mut();
    }
    Some(tensor)
}

/// The same operation in the same use; functions may have several addresses and are not compared.
impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        (self.name, self.raw.user, &self.attributes) == (other.name, other.raw.user, &other.attributes)
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Custom({} {:?})", self.name, self.attributes)
    }
}
