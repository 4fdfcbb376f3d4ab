//! Stochastic gradient descent with Nesterov momentum, in the reference's three groups of parameters (v6.1 `train.py`).

use crate::autograd::cpu::Trainer;
use crate::graph::{Graph, Op, ParamId, Role};
use crate::kernels::Float;
use rayon::prelude::*;

/// Which rate and decay a parameter gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Weights of batch norm: no decay.
    Norm,
    /// All other weights: decay.
    Weight,
    /// Biases: no decay.
    Bias,
}

/// The group of every parameter; none for buffers.
pub fn groups(graph: &Graph) -> Vec<Option<Group>> {
    let mut groups: Vec<Option<Group>> = graph
        .params
        .iter()
        .map(|param| match param.role {
            Role::Trainable if param.name.ends_with("bias") => Some(Group::Bias),
            Role::Trainable => Some(Group::Weight),
            _ => None,
        })
        .collect();
    for node in &graph.nodes {
        if let Op::BatchNorm { weight: ParamId(weight), .. } = node.op {
            groups[weight] = Some(Group::Norm);
        }
    }
    groups
}

/// What one step is taken with.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Learning rate of weights, those of batch norm included.
    pub weight: f64,
    /// Learning rate of biases.
    pub bias: f64,
    /// Momentum.
    pub momentum: f64,
    /// Weight decay, for the weights that get it.
    pub decay: f64,
}

/// The optimiser's state: the momentum of every parameter.
#[derive(Debug)]
pub struct Sgd<T> {
    groups: Vec<Option<Group>>,
    /// Empty before the first step.
    momentum: Vec<Vec<T>>,
}

impl<T: Float> Sgd<T> {
    /// An optimiser for a graph.
    pub fn new(graph: &Graph) -> Self {
        Sgd { groups: groups(graph), momentum: vec![vec![]; graph.params.len()] }
    }

    /// Moves the parameters along their gradients.
    pub fn step(&mut self, trainer: &mut Trainer<T>, rates: &Rates) {
        let momentum = T::of(rates.momentum);
        let groups = &self.groups;
        let mut buffers: Vec<Option<&mut Vec<T>>> = self.momentum.iter_mut().map(Some).collect();
        let all = trainer
            .trainable()
            .filter_map(|(id, values, grads)| Some((id, values, grads, buffers[id.0].take()?)));
        let all: Vec<_> = all.collect();
        all.into_par_iter().for_each(|(id, values, grads, buffer)| {
            let (rate, decay) = match groups[id.0] {
                Some(Group::Bias) => (rates.bias, 0.0),
                Some(Group::Norm) => (rates.weight, 0.0),
                _ => (rates.weight, rates.decay),
            };
            let (rate, decay) = (T::of(rate), T::of(decay));
            let first = buffer.is_empty();
            buffer.resize(values.len(), T::zero());
            for ((value, grad), moving) in values.iter_mut().zip(grads).zip(buffer) {
                let grad = *grad + decay * *value;
                *moving = if first { grad } else { momentum * *moving + grad };
                *value -= rate * (grad + momentum * *moving);
            }
        });
    }
}
