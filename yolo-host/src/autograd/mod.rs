//! The graph on candle tensors, on CPU or CUDA.

pub mod cpu;
mod custom;
mod evaluator;
pub mod gpu;
mod machine;
mod ops;
mod plan;

pub use evaluator::{Evaluator, OutputMap};
pub use machine::Machine;

use crate::graph::{CustomError, CustomLacks, Graph, NodeError, Op, ParamId, Role, ValueId};
use crate::model::State;
use candle_core::{DType, Device, Tensor};

/// A network that cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input does not fit through the graph.
    #[error("the input does not fit the network")]
    Shape(#[from] NodeError),
    /// candle fails.
    #[error("candle, in layer {layer} ({op})")]
    Candle {
        /// The YAML row.
        layer: usize,
        /// The operation.
        op: &'static str,
        /// Why.
        source: candle_core::Error,
    },
    /// A plugin's own operation fails.
    #[error("layer {layer}")]
    Custom {
        /// The YAML row.
        layer: usize,
        /// Why.
        source: CustomError,
    },
    /// A custom operation has no gradient.
    #[error(transparent)]
    Untrainable(#[from] CustomLacks),
    /// A batch of one number has no variance.
    #[error(
        "layer {layer}: batch norm needs more than one value a channel to train; take more or larger pictures"
    )]
    OneValue {
        /// The YAML row.
        layer: usize,
    },
    /// A slice that does not have the elements of its shape.
    #[error("{what}: {given} numbers, where {needed} are needed")]
    Length {
        /// What it is.
        what: &'static str,
        /// How many there are.
        given: usize,
        /// How many there must be.
        needed: usize,
    },
    /// A step reads what no step before it made.
    #[error("layer {layer} ({op}): an input is missing")]
    Missing {
        /// The YAML row.
        layer: usize,
        /// The operation.
        op: &'static str,
    },
    /// A name of a machine that means none.
    #[error("device `{0}`: name cpu, or the number of one CUDA device, such as 0")]
    Machine(String),
    /// CUDA is asked for, and this program has none.
    #[error(
        "this program was built without CUDA; build it with --features cudnn, or compute with --device cpu"
    )]
    WithoutCuda,
    /// Reduced precision, by its name, on another machine than the CPU.
    #[error("{0} is for the CPU; leave --precision out, or take --device cpu")]
    OnlyCpu(&'static str),
    /// A CUDA device that does not answer.
    #[error("no CUDA device {index} answers; see what nvidia-smi says, or compute with --device cpu")]
    NoGpu {
        /// Its number.
        index: usize,
        /// Why.
        source: Box<candle_core::Error>,
    },
    /// A step of the optimiser, or what belongs to it, fails on a device.
    #[error("{what}, on {device}")]
    Update {
        /// What is done.
        what: &'static str,
        /// The device.
        device: &'static str,
        /// Why.
        source: Box<candle_core::Error>,
    },
    /// A tensor cannot be brought to the device.
    #[error("cannot copy a tensor to or from {device}")]
    Transfer {
        /// The device.
        device: String,
        /// Why.
        source: candle_core::Error,
    },
}

/// Shape and values of a tensor, brought back from the device.
pub type Output = (Vec<usize>, Vec<f32>);

/// A graph with its parameters on a device, ready to run.
#[derive(Debug)]
pub struct Network {
    graph: Graph,
    params: Vec<Option<Tensor>>,
    last_uses: Vec<usize>,
    device: Device,
}

impl Network {
    /// Brings the values of a model to a device.
    pub fn new(graph: &Graph, state: &State, device: &Device) -> Result<Self, Error> {
        let params = graph.params.iter().enumerate().map(|(i, param)| match param.role {
            Role::Counter => Ok(None),
            _ => Tensor::from_slice(state.floats(ParamId(i)), param.shape.as_slice(), device).map(Some),
        });
        let params = params.collect::<Result<_, _>>().map_err(|source| transfer(device, source))?;
        Ok(Network { graph: graph.clone(), params, last_uses: graph.last_uses(), device: device.clone() })
    }

    /// The device that it runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Runs in evaluation mode on pictures `[batch, channels, height, width]` of f32 and returns the tensors of `wanted`.
    pub fn forward(&self, pictures: &Tensor, wanted: &[ValueId]) -> Result<Vec<Tensor>, Error> {
        // Checked before anything is computed, so that a size that does not fit is a clear error.
        let shapes = self.graph.shapes(pictures.dims())?;
        let mut values: Vec<Option<Tensor>> = vec![None; self.graph.nodes.len()];
        let mut results: Vec<Option<Tensor>> = vec![None; wanted.len()];
        for (place, node) in self.graph.nodes.iter().enumerate() {
            let failed = |source| Error::Candle { layer: node.layer, op: node.op.name(), source };
            let inputs: Vec<&Tensor> = node.inputs.iter().filter_map(|id| values[id.0].as_ref()).collect();
            let output = match node.op {
                Op::Input => pictures.clone(),
                Op::Custom(ref custom) => custom::run(custom, &inputs, &shapes[place], node.layer)?,
                _ => ops::run(&node.op, &inputs, &self.params).map_err(failed)?,
            };
            for (result, _) in results.iter_mut().zip(wanted).filter(|(_, id)| id.0 == place) {
                *result = Some(output.clone());
            }
            for input in &node.inputs {
                if self.last_uses[input.0] == place {
                    values[input.0] = None;
                }
            }
            if self.last_uses[place] > place {
                values[place] = Some(output);
            }
        }
        Ok(results.into_iter().flatten().collect())
    }

    /// The same from and to plain slices: pictures in, for each wanted tensor its shape and values out.
    pub fn run(&self, pictures: &[f32], shape: [usize; 4], wanted: &[ValueId]) -> Result<Vec<Output>, Error> {
        let failed = |source| transfer(&self.device, source);
        let pictures = Tensor::from_slice(pictures, &shape, &self.device).map_err(failed)?;
        let outputs = self.forward(&pictures, wanted)?;
        let values = |tensor: &Tensor| {
            let flat = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
            Ok((tensor.dims().to_vec(), flat))
        };
        outputs.iter().map(values).collect::<candle_core::Result<_>>().map_err(failed)
    }
}

fn transfer(device: &Device, source: candle_core::Error) -> Error {
    Error::Transfer { device: called(device).into(), source }
}

fn called(device: &Device) -> &'static str {
    if device.is_cuda() { "the CUDA device" } else { "the CPU" }
}
