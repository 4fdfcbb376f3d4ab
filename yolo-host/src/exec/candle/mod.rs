//! Training on candle tensors, for CUDA: the graph forward and in reverse. Convolution, batch norm and pooling are cuDNN's
//! there, everything else candle's own operations. On the CPU, where it can be tested without a GPU, this crate's kernels
//! take cuDNN's place. Maps lie `[batch, channels, height, width]`; every gradient is summed here, never by candle.

mod activation;
mod backward;
mod conv;
#[cfg(feature = "cudnn")]
mod cudnn;
mod custom;
mod forward;
mod host;
mod network;
mod norm;
mod ops;
mod pool;
mod resize;
mod trained;

use crate::exec::error::check_precision;
use crate::exec::plan::{self, Step};
use crate::exec::{Error, Precision};
use crate::graph::{Graph, ParamId, Role, ValueId};
use crate::model::State;
use crate::weights::{Array, Data};
use candle_core::{DType, Device, Tensor};
use std::collections::BTreeMap;

impl Precision {
    /// The numbers of parameters and their gradients on candle tensors.
    fn parameters(self) -> DType {
        match self {
            Precision::F64 => DType::F64,
            Precision::F32 | Precision::Tf32 | Precision::Bf16 | Precision::Fp16 | Precision::Int8 => {
                DType::F32
            }
        }
    }

    /// The numbers of the graph's tensors and their gradients on candle tensors.
    fn maps(self) -> DType {
        match self {
            Precision::Bf16 => DType::BF16,
            Precision::F64 | Precision::F32 | Precision::Tf32 | Precision::Fp16 | Precision::Int8 => {
                self.parameters()
            }
        }
    }
}

/// Evaluates `$body` with `$number` standing for the numbers that a kind is computed in; `$half` are those for bf16.
macro_rules! by_number {
    ($kind:expr, $half:ty, $number:ident => $body:expr) => {
        match $kind {
            candle_core::DType::BF16 => {
                type $number = $half;
                $body
            }
            candle_core::DType::F32 => {
                type $number = f32;
                $body
            }
            candle_core::DType::F64 => {
                type $number = f64;
                $body
            }
            other => Err(candle_core::Error::msg(format!("{other:?} cannot be trained in"))),
        }
    };
}
use by_number;

/// A tensor as it is summed: bf16 would lose all but eight bits.
fn wide(x: &Tensor) -> candle_core::Result<Tensor> {
    x.to_dtype(if x.dtype() == DType::BF16 { DType::F32 } else { x.dtype() })
}

/// A network with its parameters and their gradients on a device, for training.
#[derive(Debug)]
pub struct Executor {
    graph: Graph,
    steps: Vec<Step>,
    wanted: Vec<ValueId>,
    device: Device,
    precision: Precision,
    /// In the order of the graph; a counter is none.
    params: Vec<Option<Tensor>>,
    /// The same in the numbers of maps, from a forward pass to its reverse.
    cast: Vec<Option<Tensor>>,
    grads: Vec<Option<Tensor>>,
    tensors: Vec<Option<Tensor>>,
    saved: Vec<Saved>,
    /// Of the last pass.
    shapes: Vec<Vec<usize>>,
    /// Whether a tensor's gradient leads to a parameter.
    flows: Vec<bool>,
    /// Batches seen: `num_batches_tracked`.
    batches: i64,
}

/// What a step keeps for its gradient, besides tensors of the graph.
#[derive(Debug, Default)]
enum Saved {
    #[default]
    Nothing,
    /// Stays for the next pass: to choose an algorithm takes time.
    Conv(conv::Convolution),
    /// With what the activation behind it read.
    Norm(norm::Context, Option<Tensor>),
    Pool(pool::Context),
    /// Where the maximum of each channel stands.
    Places(Option<Tensor>),
}

impl Executor {
    /// What it computes in.
    pub const PRECISIONS: [Precision; 4] = [Precision::F64, Precision::F32, Precision::Tf32, Precision::Bf16];

    /// A network whose tensors `wanted` can be read after each forward pass, and receive gradients.
    ///
    /// Fails if a custom operation has no gradient, the precision is none of [`Self::PRECISIONS`], or the device does not take
    /// the values.
    pub fn new(
        graph: &Graph,
        state: &State,
        wanted: &[ValueId],
        device: &Device,
        precision: Precision,
    ) -> Result<Self, Error> {
        check_precision(precision, &Self::PRECISIONS, called(device))?;
        graph.check_trainable()?;
        let steps = plan::steps(graph, wanted);
        let param = |(i, param): (usize, &crate::graph::Param)| match param.role {
            Role::Counter => Ok(None),
            Role::Trainable | Role::Buffer => {
                let values = Tensor::from_slice(state.floats(ParamId(i)), param.shape.as_slice(), device)?;
                values.to_dtype(precision.parameters()).map(Some)
            }
        };
        let params = graph.params.iter().enumerate().map(param);
        let params: Vec<Option<Tensor>> =
            params.collect::<candle_core::Result<_>>().map_err(|source| transfer(device, source))?;
        let mut trainer = Executor {
            grads: vec![None; params.len()],
            tensors: vec![None; graph.nodes.len()],
            saved: steps.iter().map(|_| Saved::Nothing).collect(),
            shapes: vec![],
            flows: (0..graph.nodes.len())
                .map(|value| steps.iter().any(|step| step.output == value && step.trainable))
                .collect(),
            graph: graph.clone(),
            steps,
            wanted: wanted.to_vec(),
            device: device.clone(),
            precision,
            cast: vec![None; params.len()],
            params,
            batches: 0,
        };
        trainer.complete_grads()?;
        Ok(trainer)
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The device that it runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Parameters and their gradients, trainable ones only, each with its place in the graph and in the graph's shape. A step
    /// of an optimiser puts another tensor of the same shape in a parameter's place.
    pub fn trainable(&mut self) -> impl Iterator<Item = (ParamId, &mut Tensor, &Tensor)> {
        let both = self.params.iter_mut().zip(&self.grads).enumerate();
        let graph = &self.graph;
        both.filter(|(i, _)| graph.params[*i].role == Role::Trainable)
            .filter_map(|(i, (param, grad))| Some((ParamId(i), param.as_mut()?, grad.as_ref()?)))
    }

    /// Whether all numbers of tensors of its device are finite; one number is brought from there.
    ///
    /// Fails if the device does.
    pub fn are_finite<'a>(&self, values: impl IntoIterator<Item = &'a Tensor>) -> Result<bool, Error> {
        // Nothing times 0 is 0 but what is finite.
        let zero = |x: &Tensor| x.affine(0.0, 0.0)?.sum_all();
        let mut zeros = values.into_iter().map(zero);
        let mut sum = || -> candle_core::Result<f64> {
            let first = zeros.next().unwrap_or_else(|| Tensor::zeros((), DType::F32, &self.device))?;
            zeros.try_fold(first, |sum, zero| sum + zero?)?.to_dtype(DType::F64)?.to_scalar()
        };
        sum()
            .map(f64::is_finite)
            .map_err(|source| self.failed("looking for numbers that are not finite", source))
    }

    /// The error of something that training does beside the passes.
    pub(crate) fn failed(&self, what: &'static str, source: candle_core::Error) -> Error {
        Error::Update { what, device: called(&self.device), source: source.into() }
    }

    /// What numbers it computes with.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// All parameters and buffers, in the order of the graph; a counter is none.
    pub fn values(&self) -> &[Option<Tensor>] {
        &self.params
    }

    /// The same, to be exchanged for others of the same shapes and numbers.
    pub fn values_mut(&mut self) -> &mut [Option<Tensor>] {
        &mut self.params
    }

    /// The gradients beside [`Self::values`]; buffers and counters have none.
    pub fn grads(&self) -> &[Option<Tensor>] {
        &self.grads
    }

    /// The same, to be exchanged likewise.
    pub fn grads_mut(&mut self) -> &mut [Option<Tensor>] {
        &mut self.grads
    }

    /// Batches that training has seen.
    pub fn batches_mut(&mut self) -> &mut i64 {
        &mut self.batches
    }

    /// A parameter or buffer; a counter is none.
    pub fn param(&self, id: ParamId) -> Option<&Tensor> {
        self.params[id.0].as_ref()
    }

    /// The gradient of a trainable parameter, zero before the first pass.
    pub fn grad(&self, id: ParamId) -> Option<&Tensor> {
        self.grads[id.0].as_ref()
    }

    /// All values by name, in single precision, as a checkpoint holds them.
    ///
    /// Fails if the device does not give them.
    pub fn to_arrays(&self) -> Result<BTreeMap<String, Array>, Error> {
        let array = |(param, values): (&crate::graph::Param, &Option<Tensor>)| {
            let data = match values {
                None => Data::I64(vec![self.batches]),
                Some(values) => Data::F32(self.to_host(values)?),
            };
            Ok((param.name.clone(), Array { shape: param.shape.clone(), data }))
        };
        self.graph.params.iter().zip(&self.params).map(array).collect()
    }

    /// Numbers of a shape as a tensor on the device, in the numbers of parameters.
    ///
    /// Fails if there are not so many, or the device does not take them.
    pub fn to_device(&self, values: &[f32], shape: &[usize]) -> Result<Tensor, Error> {
        let (given, needed) = (values.len(), shape.iter().product());
        if given != needed {
            return Err(Error::Length { what: "numbers for the device", given, needed });
        }
        let tensor = Tensor::from_slice(values, shape, &self.device)
            .and_then(|tensor| tensor.to_dtype(self.precision.parameters()));
        tensor.map_err(|source| transfer(&self.device, source))
    }

    /// The numbers of a tensor, row-major, in single precision.
    ///
    /// Fails if the device does not give them.
    pub fn to_host(&self, x: &Tensor) -> Result<Vec<f32>, Error> {
        let values = x.to_dtype(DType::F32).and_then(|x| x.flatten_all()?.to_vec1());
        values.map_err(|source| transfer(x.device(), source))
    }

    /// The tensors that were asked for.
    pub fn wanted(&self) -> &[ValueId] {
        &self.wanted
    }

    /// A tensor that was asked for, after a forward pass, in the numbers of maps.
    pub fn output(&self, id: ValueId) -> Option<&Tensor> {
        self.tensors[id.0].as_ref().filter(|_| self.wanted.contains(&id))
    }

    /// Zeros where no gradient arrived.
    fn complete_grads(&mut self) -> Result<(), Error> {
        let all = self.params.iter().zip(&mut self.grads).zip(&self.graph.params);
        for ((param, grad), _) in all.filter(|(_, about)| about.role == Role::Trainable) {
            if let (Some(param), None) = (param, &grad) {
                *grad = Some(param.zeros_like().map_err(|source| transfer(&self.device, source))?);
            }
        }
        Ok(())
    }
}

pub(crate) fn transfer(device: &Device, source: candle_core::Error) -> Error {
    Error::Transfer { device: called(device).into(), source: source.into() }
}

pub(crate) fn called(device: &Device) -> &'static str {
    if device.is_cuda() { "the CUDA device" } else { "the CPU" }
}
