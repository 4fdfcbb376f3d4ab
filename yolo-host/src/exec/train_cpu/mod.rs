//! Training on the CPU: the graph forward and in reverse, in f32 with the fast kernels or in f64 with the reference kernels.

mod backward;
mod forward;
mod network;

use super::Error;
use crate::exec::plan::{self, Step};
use crate::exec::primitive::Pool;
pub use crate::exec::primitive::Tensor;
use crate::graph::{Graph, Op, ParamId, Role, ValueId};
use crate::model::State;
use crate::weights::{Array, Data};
use std::collections::BTreeMap;
use yolo_kernels::ops::pool::Pooling;
use yolo_kernels::train::norm::Normal;
use yolo_kernels::train::{hwio_to_oihw, oihw_to_hwio};
use yolo_kernels::{Conv, ConvFloat};

/// A network with its parameters and their gradients, for training.
#[derive(Debug)]
pub struct Executor<T> {
    graph: Graph,
    steps: Vec<Step>,
    wanted: Vec<ValueId>,
    /// In the order of the graph, as the kernels want them.
    params: Vec<Vec<T>>,
    grads: Vec<Vec<T>>,
    values: Vec<Option<Tensor<T>>>,
    saved: Vec<Saved<T>>,
    /// Of the last pass.
    shapes: Vec<Vec<usize>>,
    /// Whether a tensor's gradient leads to a parameter.
    flows: Vec<bool>,
    pool: Pool<T>,
    /// Room that convolutions use.
    scratch: Vec<T>,
    /// Batches seen: `num_batches_tracked`.
    batches: i64,
}

/// What a step keeps for its gradient, besides tensors.
#[derive(Debug, Default)]
enum Saved<T> {
    #[default]
    Nothing,
    Conv(Conv),
    Norm(Normal<T>),
    Pooling(Pooling, Vec<u16>),
    Places(Vec<u32>),
}

impl<T: ConvFloat> Executor<T> {
    /// A network whose tensors `wanted` can be read after each forward pass, and receive gradients.
    pub fn new(graph: &Graph, state: &State, wanted: &[ValueId]) -> Result<Self, Error> {
        graph.check_trainable()?;
        let steps = plan::steps(graph, wanted);
        let number = |value: &f32| T::of(f64::from(*value));
        let params: Vec<Vec<T>> = (0..graph.params.len())
            .map(|i| state.floats(ParamId(i)).iter().map(number).collect::<Vec<T>>())
            .collect();
        let mut trainer = Executor {
            grads: params.iter().map(|param| vec![T::zero(); param.len()]).collect(),
            values: vec![None; graph.nodes.len()],
            saved: steps.iter().map(|_| Saved::Nothing).collect(),
            shapes: vec![],
            flows: (0..graph.nodes.len())
                .map(|value| steps.iter().any(|s| s.output == value && s.trainable))
                .collect(),
            graph: graph.clone(),
            steps,
            wanted: wanted.to_vec(),
            params,
            pool: Pool::default(),
            scratch: vec![],
            batches: 0,
        };
        for (id, shape) in trainer.convolutions() {
            trainer.params[id] = oihw_to_hwio(&trainer.params[id], shape);
        }
        Ok(trainer)
    }

    /// The weights of convolutions, which the kernels want in another order, with their shapes.
    fn convolutions(&self) -> Vec<(usize, [usize; 4])> {
        let weight = |node: &crate::graph::Node| {
            let Op::Conv2d { weight, .. } = node.op else { return None };
            self.graph.params[weight.0].shape.as_slice().try_into().ok().map(|shape| (weight.0, shape))
        };
        self.graph.nodes.iter().filter_map(weight).collect()
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Parameters and their gradients, trainable ones only, each with its place in the graph. Their elements correspond; what
    /// order they have is the kernels'.
    pub fn trainable(&mut self) -> impl Iterator<Item = (ParamId, &mut [T], &[T])> {
        let both = self.params.iter_mut().zip(&self.grads).enumerate();
        let graph = &self.graph;
        both.filter(|(i, _)| graph.params[*i].role == Role::Trainable)
            .map(|(i, (param, grad))| (ParamId(i), param.as_mut_slice(), grad.as_slice()))
    }

    /// All parameters and buffers, in the order of the graph; what order their elements have is the kernels'. A counter has
    /// none.
    pub fn values(&self) -> &[Vec<T>] {
        &self.params
    }

    /// The same, to be changed; lengths must stay.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut [T]> {
        self.params.iter_mut().map(Vec::as_mut_slice)
    }

    /// The gradients beside [`Self::values`], to be changed; lengths must stay.
    pub fn grads_mut(&mut self) -> impl Iterator<Item = &mut [T]> {
        self.grads.iter_mut().map(Vec::as_mut_slice)
    }

    /// Batches that training has seen.
    pub fn batches_mut(&mut self) -> &mut i64 {
        &mut self.batches
    }

    /// Values in the kernels' order for a parameter, from row-major ones.
    pub fn in_kernel_order(&self, id: ParamId, values: &[T]) -> Vec<T> {
        match self.convolutions().iter().find(|(param, _)| *param == id.0) {
            Some((_, shape)) => oihw_to_hwio(values, *shape),
            None => values.to_vec(),
        }
    }

    /// Values of a parameter or buffer, row-major.
    pub fn param(&self, id: ParamId) -> Vec<T> {
        self.row_major(id, &self.params[id.0])
    }

    /// The gradient of a parameter, row-major.
    pub fn grad(&self, id: ParamId) -> Vec<T> {
        self.row_major(id, &self.grads[id.0])
    }

    /// Row-major numbers of a parameter, from those in the kernels' order.
    pub fn row_major(&self, id: ParamId, values: &[T]) -> Vec<T> {
        match self.convolutions().iter().find(|(param, _)| *param == id.0) {
            Some((_, shape)) => hwio_to_oihw(values, *shape),
            None => values.to_vec(),
        }
    }

    /// Elements of all buffers that it holds or keeps for the next pass, besides parameters and gradients.
    pub fn allocated(&self) -> usize {
        self.values.iter().flatten().map(|tensor| tensor.data.len()).sum::<usize>() + self.pool.len()
    }

    /// All values by name, in single precision, as a checkpoint holds them.
    pub fn to_arrays(&self) -> BTreeMap<String, Array> {
        let array = |(i, param): (usize, &crate::graph::Param)| {
            let data = match param.role {
                Role::Counter => Data::I64(vec![self.batches]),
                Role::Trainable | Role::Buffer => {
                    Data::F32(self.param(ParamId(i)).into_iter().map(|value| value.f64() as f32).collect())
                }
            };
            (param.name.clone(), Array { shape: param.shape.clone(), data })
        };
        self.graph.params.iter().enumerate().map(array).collect()
    }

    /// The tensors that were asked for.
    pub fn wanted(&self) -> &[ValueId] {
        &self.wanted
    }

    /// A tensor that was asked for, after a forward pass.
    pub fn output(&self, id: ValueId) -> Option<&Tensor<T>> {
        self.values[id.0].as_ref().filter(|_| self.wanted.contains(&id))
    }
}
