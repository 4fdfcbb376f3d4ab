//! The graph in units of work: batch norm folded into the convolution before it, activation and shortcut taken along.

use crate::graph::{Act, BATCH_NORM_EPS, ConvSpec, Graph, Node, Op, ParamId, ValueId, primitive};
use crate::model::State;

/// What is computed at once.
#[derive(Debug)]
pub struct Unit {
    /// The node whose tensor it makes.
    pub node: usize,
    /// How.
    pub kind: Kind,
    /// Nodes of the same kind on the same input: their channels follow as further outputs.
    pub twins: Vec<usize>,
}

/// How a unit is computed.
#[derive(Debug)]
pub enum Kind {
    /// act(weight ∗ x + bias) + shortcut
    Conv {
        /// The node of the convolution, linear layer or batch norm.
        start: usize,
        /// What is read.
        input: ValueId,
        /// Sizes.
        spec: ConvSpec,
        /// `[out, in / groups, kh, kw]`
        weight: Vec<f32>,
        /// `[out]`
        bias: Vec<f32>,
        /// After the bias.
        act: Option<Act>,
        /// Added at last.
        shortcut: Option<ValueId>,
    },
    /// act(input · scale), a number for each channel of an image
    Scale {
        /// The map.
        input: ValueId,
        /// `[batch, channels, 1, 1]`
        scale: ValueId,
        /// After the product.
        act: Option<Act>,
    },
    /// The node's operation.
    Other,
}

/// All units, in an order in which they can run, siblings merged. The weights of convolutions are taken from the state.
pub fn units(graph: &Graph, state: &mut State, wanted: &[ValueId]) -> Vec<Unit> {
    joined(graph, folded(graph, state, wanted))
}

/// As [`units`], each convolution as a unit of its own.
pub fn folded(graph: &Graph, state: &mut State, wanted: &[ValueId]) -> Vec<Unit> {
    let users = Users::new(graph, wanted);
    let mut absorbed = vec![false; graph.nodes.len()];
    let mut made: Vec<Option<Kind>> = graph.nodes.iter().map(|_| None).collect();
    for (start, node) in graph.nodes.iter().enumerate() {
        if absorbed[start] || made[start].is_some() {
            continue;
        }
        if let Some((input, scale)) = scaling(graph, node) {
            let (act, last) = users.activation(graph, start);
            absorbed[start] = last != start;
            made[last] = Some(Kind::Scale { input, scale, act });
            continue;
        }
        let Some((input, spec, weight, bias)) = convolution(node, state) else { continue };
        let (mut weight, mut bias, mut last) = (weight, bias, start);
        if let Some(next) = users.only(last)
            && let Op::BatchNorm { .. } = graph.nodes[next].op
            && matches!(node.op, Op::Conv2d { .. })
        {
            let (scale, shift) = normal(&graph.nodes[next].op, state);
            let per_channel = weight.len() / bias.len().max(1);
            for (channel, (bias, (scale, shift))) in bias.iter_mut().zip(scale.iter().zip(&shift)).enumerate()
            {
                *bias = (f64::from(*bias) * scale + shift) as f32;
                let weight = &mut weight[channel * per_channel..][..per_channel];
                weight.iter_mut().for_each(|weight| *weight = (f64::from(*weight) * scale) as f32);
            }
            last = next;
        }
        let act;
        (act, last) = users.activation(graph, last);
        let mut shortcut = None;
        // A depthwise convolution leaves its channels in an order of its own: what is added to them is a step.
        if let Some(next) = users.only(last)
            && spec.groups != graph.nodes[input.0].shape[1].max(2)
            && matches!(graph.nodes[next].op, Op::Add)
            && !absorbed[next]
            && made[next].is_none()
            && let [a, b] = graph.nodes[next].inputs.as_slice()
            && graph.nodes[a.0].shape == graph.nodes[b.0].shape
        {
            (shortcut, last) = (Some(if a.0 == last { *b } else { *a }), next);
        }
        // Everything on the way but the last is gone.
        let mut at = start;
        while at != last {
            absorbed[at] = true;
            at = users.only(at).unwrap_or(last);
        }
        made[last] = Some(Kind::Conv { start, input, spec, weight, bias, act, shortcut });
    }
    let unit = |(node, kind): (usize, Option<Kind>)| {
        (!absorbed[node]).then(|| Unit { node, kind: kind.unwrap_or(Kind::Other), twins: vec![] })
    };
    made.into_iter().enumerate().filter_map(unit).collect()
}

/// Sibling convolutions (same input and geometry, as C3's cv1 and cv2) are merged along output channels, where the first of
/// them stands: the input is read once.
fn joined(graph: &Graph, units: Vec<Unit>) -> Vec<Unit> {
    let mut all: Vec<Unit> = vec![];
    for unit in units {
        let is_map = graph.nodes[unit.node].shape.len() == 4;
        let twin = all.iter_mut().find(|other| is_map && other.kind.like(&unit.kind));
        match twin {
            Some(first) => first.join(unit),
            None => all.push(unit),
        }
    }
    all
}

impl Unit {
    fn join(&mut self, other: Unit) {
        if let (Kind::Conv { weight, bias, .. }, Kind::Conv { weight: more, bias: biases, .. }) =
            (&mut self.kind, other.kind)
        {
            weight.extend(more);
            bias.extend(biases);
            self.twins.push(other.node);
        }
    }
}

impl Kind {
    /// Whether both are convolutions over all channels of the same input that differ in their weights only.
    fn like(&self, other: &Kind) -> bool {
        let Kind::Conv { input, spec, act, shortcut: None, .. } = self else { return false };
        let Kind::Conv { input: input_b, spec: spec_b, act: act_b, shortcut: None, .. } = other else {
            return false;
        };
        spec.groups == 1 && (input, spec, act) == (input_b, spec_b, act_b)
    }
}

/// A map and its scale, of a product with one number for each channel: at every size, since the map is larger.
fn scaling(graph: &Graph, node: &Node) -> Option<(ValueId, ValueId)> {
    let shape = |value: &ValueId| graph.nodes[value.0].shape.as_slice();
    let scales = |x: &ValueId, s: &ValueId| match *shape(x) {
        [n, c, h, w] => h * w > 1 && *shape(x) == node.shape && *shape(s) == [n, c, 1, 1],
        _ => false,
    };
    let (Op::Mul, [a, b]) = (&node.op, node.inputs.as_slice()) else { return None };
    match (scales(a, b), scales(b, a)) {
        (true, _) => Some((*a, *b)),
        (false, true) => Some((*b, *a)),
        (false, false) => None,
    }
}

/// A convolution as such, a linear layer as one of single pixels, or a batch norm of a map as a depthwise one of them.
fn convolution(node: &Node, state: &mut State) -> Option<(ValueId, ConvSpec, Vec<f32>, Vec<f32>)> {
    let input = *node.inputs.first()?;
    match &node.op {
        Op::Conv2d { spec, weight, bias } => {
            let zeros = || vec![0.0; node.shape[1]];
            let bias = bias.map_or_else(zeros, |bias: ParamId| state.take(bias));
            Some((input, *spec, state.take(*weight), bias))
        }
        // Of four axes the last is not a map's channels.
        Op::Linear { weight, bias } if node.shape.len() > 1 && node.shape.len() != 4 => {
            let cout = *node.shape.last()?;
            let bias = bias.map_or_else(|| vec![0.0; cout], |bias: ParamId| state.take(bias));
            let spec = ConvSpec::same(cout, 1);
            Some((input, spec, state.take(*weight), bias))
        }
        Op::BatchNorm { .. } if node.shape.len() == 4 => {
            let (scale, shift) = normal(&node.op, state);
            let single =
                |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect::<Vec<f32>>();
            let spec = ConvSpec::same(node.shape[1], 1).groups(node.shape[1]);
            Some((input, spec, single(scale), single(shift)))
        }
        Op::Input | Op::Parameter(_) | Op::BatchNorm { .. } | Op::Pool(..) | Op::GlobalPool(_) => None,
        Op::Custom(_) | primitive!() => None,
    }
}

/// Factor and offset of a batch norm in evaluation, by channel.
fn normal(op: &Op, state: &State) -> (Vec<f64>, Vec<f64>) {
    let Op::BatchNorm { weight, bias, mean, var } = op else { return (vec![], vec![]) };
    let numbers = |id: &ParamId| state.floats(*id).iter().map(|value| f64::from(*value));
    let scale: Vec<f64> = numbers(weight)
        .zip(numbers(var))
        .map(|(weight, var)| weight / (var + BATCH_NORM_EPS).sqrt())
        .collect();
    let shift = numbers(bias).zip(numbers(mean)).zip(&scale).map(|((bias, mean), scale)| bias - mean * scale);
    let shift = shift.collect();
    (scale, shift)
}

/// Who reads each tensor.
struct Users(Vec<Option<usize>>);

impl Users {
    fn new(graph: &Graph, wanted: &[ValueId]) -> Self {
        let mut only = vec![None; graph.nodes.len()];
        let mut count = vec![0usize; graph.nodes.len()];
        wanted.iter().for_each(|value| count[value.0] += 2);
        for (node, reads) in graph.nodes.iter().enumerate() {
            for input in &reads.inputs {
                count[input.0] += 1;
                only[input.0] = Some(node);
            }
        }
        Users(only.into_iter().zip(count).map(|(user, count)| user.filter(|_| count == 1)).collect())
    }

    /// The activation that alone reads a tensor, and its node; without one the tensor's own.
    fn activation(&self, graph: &Graph, value: usize) -> (Option<Act>, usize) {
        let Some(next) = self.only(value) else { return (None, value) };
        if let Op::Activation(act) = graph.nodes[next].op { (Some(act), next) } else { (None, value) }
    }

    /// The only reader of a tensor that is not wanted from outside.
    fn only(&self, value: usize) -> Option<usize> {
        self.0[value]
    }
}
