//! The optimisers, each over the reference's three groups of parameters (v6.1 `train.py`).

mod slices;
#[cfg(feature = "candle")]
mod tensors;

use crate::graph::{Graph, ParamId, Role};
use serde::{Deserialize, Serialize};

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
        if let Some(ParamId(weight)) = node.op.norm_weight() {
            groups[weight] = Some(Group::Norm);
        }
    }
    groups
}

/// The rule by which parameters move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    /// Stochastic gradient descent with Nesterov momentum.
    #[default]
    Sgd,
    /// Adam (arXiv:1412.6980), with decay added to the gradient.
    Adam,
    /// Adam with decay apart from the gradient (arXiv:1711.05101).
    AdamW,
}

impl Rule {
    /// Its name, as PyTorch has it.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Sgd => "SGD",
            Rule::Adam => "Adam",
            Rule::AdamW => "AdamW",
        }
    }
}

/// What one step is taken with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Learning rate of weights, those of batch norm included.
    pub weight: f64,
    /// Learning rate of biases.
    pub bias: f64,
    /// Momentum; for Adam the decay of the first moment.
    pub momentum: f64,
    /// Weight decay, for the weights that get it.
    pub decay: f64,
}

/// Adam's decay of the second moment, and what keeps its root from 0.
const BETA2: f64 = 0.999;
const EPS: f64 = 1e-8;
/// PyTorch's default decay for AdamW. The reference leaves the groups "without decay" at it.
const ADAMW_DEFAULT_DECAY: f64 = 0.01;

/// How one step changes one parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Update {
    /// moment = momentum · moment + g with g = gradient + decay · value, at first g; value −= rate · (g + momentum · moment).
    Sgd { rate: f64, momentum: f64, decay: f64 },
    /// value ·= shrink; value −= step · m / (√v / root + ε), with both moments of gradient + added · value.
    Adam { step: f64, root: f64, beta1: f64, shrink: f64, added: f64 },
}

/// An optimiser and its state: momentum, or both moments, of every parameter. `M` holds one: numbers in the kernels' order, or
/// a tensor on a device.
#[derive(Clone, Debug)]
pub struct Optimizer<M> {
    rule: Rule,
    groups: Vec<Option<Group>>,
    /// By parameter, empty before its first step.
    pub(super) moments: [Vec<M>; 2],
    /// Steps taken.
    pub(super) steps: u64,
}

impl<M: Default> Optimizer<M> {
    /// An optimiser for a graph.
    pub fn new(rule: Rule, graph: &Graph) -> Self {
        let none = || graph.params.iter().map(|_| M::default()).collect();
        Optimizer { rule, groups: groups(graph), moments: [none(), none()], steps: 0 }
    }

    /// Leaves a parameter as it is from now on.
    pub fn freeze(&mut self, id: ParamId) {
        if let Some(group) = self.groups.get_mut(id.0) {
            *group = None;
        }
    }

    /// Counts a step, and gives each parameter that moves its update and its moments.
    fn next<P>(
        &mut self,
        params: impl Iterator<Item = (ParamId, P)>,
        rates: &Rates,
    ) -> Vec<(Update, P, [&mut M; 2])> {
        self.steps += 1;
        let updates = [Group::Norm, Group::Weight, Group::Bias].map(|group| self.update(group, rates));
        let [first, second] = &mut self.moments;
        let mut states: Vec<_> = first.iter_mut().zip(second).map(Some).collect();
        let one = |(id, param): (ParamId, P)| {
            let group = (*self.groups.get(id.0)?)?;
            let (first, second) = states.get_mut(id.0)?.take()?;
            Some((updates[group as usize], param, [first, second]))
        };
        params.filter_map(one).collect()
    }

    fn update(&self, group: Group, rates: &Rates) -> Update {
        let rate = if group == Group::Bias { rates.bias } else { rates.weight };
        let decay = match (self.rule, group) {
            (_, Group::Weight) => rates.decay,
            (Rule::AdamW, _) => ADAMW_DEFAULT_DECAY,
            _ => 0.0,
        };
        if self.rule == Rule::Sgd {
            return Update::Sgd { rate, momentum: rates.momentum, decay };
        }
        let steps = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let corrections = [rates.momentum, BETA2].map(|beta| 1.0 - beta.powi(steps));
        let (added, shrink) = if self.rule == Rule::AdamW { (0.0, 1.0 - rate * decay) } else { (decay, 1.0) };
        let (step, root) = (rate / corrections[0], corrections[1].sqrt());
        Update::Adam { step, root, beta1: rates.momentum, shrink, added }
    }
}

#[cfg(all(test, feature = "candle"))]
mod tests {
    use super::*;
    use candle_core::{Device, Tensor};

    /// Numbers from torch.optim of PyTorch 2.8: one parameter a group, three steps.
    #[test]
    fn steps_are_pytorchs() {
        let grads = [[0.5, -2.0], [0.25, 1.0], [-1.0, 0.125]];
        let cases = [
            (Rule::Sgd, [0.9503, -0.10695, 0.9134190188749999, -0.0954596263125, 0.9006, 0.2861]),
            (
                Rule::Adam,
                [
                    0.8274177428854115,
                    -0.35637922929587884,
                    0.8196538686056137,
                    -0.3536147986957529,
                    0.6548354857708228,
                    -0.2127584585917577,
                ],
            ),
            (
                Rule::AdamW,
                [
                    0.824713859842936,
                    -0.3551072624986769,
                    0.8139562076730742,
                    -0.3500473353098792,
                    0.650019549600929,
                    -0.21067018940295199,
                ],
            ),
        ];
        let rates = Rates { weight: 0.1, bias: 0.2, momentum: 0.9, decay: 0.05 };
        for (rule, want) in cases {
            let groups = vec![Some(Group::Norm), Some(Group::Weight), Some(Group::Bias)];
            let moments = [vec![vec![]; 3], vec![vec![]; 3]];
            let mut slices = Optimizer::<Vec<f64>> { rule, groups: groups.clone(), moments, steps: 0 };
            let moments = [vec![None; 3], vec![None; 3]];
            let mut tensors = Optimizer::<Option<Tensor>> { rule, groups, moments, steps: 0 };
            let tensor = |values: &[f64; 2]| Tensor::new(values, &Device::Cpu).unwrap();
            let mut params = [[1.0, -0.5]; 3];
            let mut on_device = params.each_ref().map(tensor);
            for grad in &grads {
                let params = params.iter_mut().enumerate();
                slices.step(params.map(|(i, values)| (ParamId(i), &mut values[..], &grad[..])), &rates);
                let (grad, params) = (tensor(grad), on_device.iter_mut().enumerate());
                tensors.step(params.map(|(i, value)| (ParamId(i), value, &grad)), &rates).unwrap();
            }
            let on_device = on_device.iter().flat_map(|value| value.to_vec1::<f64>().unwrap());
            for ((got, there), want) in params.iter().flatten().zip(on_device).zip(want) {
                assert!((got - want).abs() < 1e-12, "{rule:?}: {got}, not {want}");
                assert!((there - want).abs() < 1e-12, "{rule:?} on tensors: {there}, not {want}");
            }
        }
    }
}
