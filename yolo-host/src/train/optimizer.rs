//! The optimisers, each over the reference's three groups of parameters (v6.1 `train.py`).

use crate::graph::{Graph, Op, ParamId, Role};
use crate::kernels::Float;
use rayon::prelude::*;
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
        if let Op::BatchNorm { weight: ParamId(weight), .. } = node.op {
            groups[weight] = Some(Group::Norm);
        }
    }
    groups
}

/// The rule by which parameters move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum Rule {
    /// Stochastic gradient descent with Nesterov momentum.
    #[default]
    #[value(name = "SGD", alias = "sgd")]
    Sgd,
    /// Adam (arXiv:1412.6980), with decay added to the gradient.
    #[value(name = "Adam", alias = "adam")]
    Adam,
    /// Adam with decay apart from the gradient (arXiv:1711.05101).
    #[value(name = "AdamW", alias = "adamw")]
    AdamW,
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

/// An optimiser and its state: momentum, or both moments, of every parameter.
#[derive(Clone, Debug)]
pub struct Optimizer<T> {
    rule: Rule,
    groups: Vec<Option<Group>>,
    /// By parameter, empty before its first step; in the kernels' order.
    pub(super) moments: [Vec<Vec<T>>; 2],
    /// Steps taken.
    pub(super) steps: u64,
}

impl<T: Float> Optimizer<T> {
    /// An optimiser for a graph.
    pub fn new(rule: Rule, graph: &Graph) -> Self {
        let none = || vec![vec![]; graph.params.len()];
        Optimizer { rule, groups: groups(graph), moments: [none(), none()], steps: 0 }
    }

    /// Leaves a parameter as it is from now on.
    pub fn freeze(&mut self, id: ParamId) {
        if let Some(group) = self.groups.get_mut(id.0) {
            *group = None;
        }
    }

    /// Parameters, batch norm's weights, other weights and biases among those that move.
    pub fn counts(&self) -> [usize; 3] {
        [Group::Norm, Group::Weight, Group::Bias]
            .map(|group| self.groups.iter().filter(|found| **found == Some(group)).count())
    }

    /// Moves parameters, given with their values and gradients, along the gradients.
    pub fn step<'a>(&mut self, params: impl Iterator<Item = (ParamId, &'a mut [T], &'a [T])>, rates: &Rates) {
        self.steps += 1;
        let [first, second] = &mut self.moments;
        let mut states: Vec<_> = first.iter_mut().zip(second).map(Some).collect();
        let moving: Vec<_> = params
            .filter_map(|(id, values, grads)| {
                let group = (*self.groups.get(id.0)?)?;
                Some((group, values, grads, states.get_mut(id.0)?.take()?))
            })
            .collect();
        let (rule, steps) = (self.rule, self.steps);
        moving.into_par_iter().for_each(|(group, values, grads, (first, second))| match rule {
            Rule::Sgd => sgd(values, grads, first, rates, group),
            Rule::Adam | Rule::AdamW => adam(rule, steps, values, grads, first, second, rates, group),
        });
    }
}

fn rate(rates: &Rates, group: Group) -> f64 {
    if group == Group::Bias { rates.bias } else { rates.weight }
}

fn sgd<T: Float>(values: &mut [T], grads: &[T], momentum: &mut Vec<T>, rates: &Rates, group: Group) {
    let decay = T::of(if group == Group::Weight { rates.decay } else { 0.0 });
    let (rate, keep) = (T::of(rate(rates, group)), T::of(rates.momentum));
    let first = momentum.is_empty();
    momentum.resize(values.len(), T::zero());
    for ((value, grad), moving) in values.iter_mut().zip(grads).zip(momentum) {
        let grad = *grad + decay * *value;
        *moving = if first { grad } else { keep * *moving + grad };
        *value -= rate * (grad + keep * *moving);
    }
}

#[allow(clippy::too_many_arguments)]
fn adam<T: Float>(
    rule: Rule,
    steps: u64,
    values: &mut [T],
    grads: &[T],
    first: &mut Vec<T>,
    second: &mut Vec<T>,
    rates: &Rates,
    group: Group,
) {
    let decay = match (rule, group) {
        (_, Group::Weight) => rates.decay,
        (Rule::AdamW, _) => ADAMW_DEFAULT_DECAY,
        _ => 0.0,
    };
    let steps = i32::try_from(steps).unwrap_or(i32::MAX);
    let corrections = [rates.momentum, BETA2].map(|beta| 1.0 - beta.powi(steps));
    let rate = rate(rates, group);
    let (added, shrink) = match rule {
        Rule::AdamW => (T::zero(), T::of(1.0 - rate * decay)),
        _ => (T::of(decay), T::of(1.0)),
    };
    let (step, root) = (T::of(rate / corrections[0]), T::of(corrections[1].sqrt()));
    let [beta1, beta2, eps] = [rates.momentum, BETA2, EPS].map(T::of);
    let one = T::of(1.0);
    first.resize(values.len(), T::zero());
    second.resize(values.len(), T::zero());
    for (((value, grad), m), v) in values.iter_mut().zip(grads).zip(first).zip(second) {
        let grad = *grad + added * *value;
        *value *= shrink;
        *m += (one - beta1) * (grad - *m);
        *v = beta2 * *v + (one - beta2) * grad * grad;
        *value -= step * *m / (v.sqrt() / root + eps);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let none = || vec![vec![]; 3];
            let mut optimizer = Optimizer::<f64> { rule, groups, moments: [none(), none()], steps: 0 };
            let mut params = [[1.0, -0.5]; 3];
            for grad in &grads {
                let params = params.iter_mut().enumerate();
                optimizer.step(params.map(|(i, values)| (ParamId(i), &mut values[..], &grad[..])), &rates);
            }
            for (got, want) in params.iter().flatten().zip(want) {
                assert!((got - want).abs() < 1e-12, "{rule:?}: {got}, not {want}");
            }
        }
    }
}
