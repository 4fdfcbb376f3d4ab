//! The ranges of a network's tensors, as the engine computes them on images: of what convolutions read, and of what lies between.

use crate::exec::engine::Engine;
use crate::exec::engine::fold::{Kind, Unit, folded};
use crate::exec::{Error, Images, Network};
use crate::graph::{Act, Graph, ValueId};
use crate::model::{Model, State};
use std::collections::BTreeMap;

/// The least and the greatest number of each map, zero among them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TensorRanges(BTreeMap<usize, [f32; 2]>);

impl TensorRanges {
    /// That of a node's tensor, if it was seen.
    pub(super) fn get(&self, value: ValueId) -> Option<[f32; 2]> {
        self.0.get(&value.0).copied()
    }
}

/// Runs that take in ranges. They are in f32, keep every map and are slower than others.
#[derive(Debug)]
pub struct Calibration {
    engine: Engine,
    values: Vec<ValueId>,
    ranges: TensorRanges,
    /// Activations between two nodes.
    acts: Vec<(usize, Act, usize)>,
}

impl Calibration {
    /// Prepares a model with its values.
    pub fn new(model: &Model, state: State) -> Self {
        let graph = &model.graph;
        let (mut values, mut acts) = (vec![], vec![]);
        for unit in folded(graph, &mut state.clone(), &model.detect.outputs) {
            let [before, after, sum] = stages(graph, &unit);
            if let Kind::Conv { act: Some(act), .. } = unit.kind {
                acts.push((before, act, after));
            }
            let mut own = vec![before, after, sum];
            own.dedup();
            values.extend(own.into_iter().filter(|node| *node > 0 && is_map(graph, *node)).map(ValueId));
        }
        let engine = Engine::new(graph, state, &values);
        Calibration { engine, values, ranges: TensorRanges::default(), acts }
    }

    /// Takes in images of the shape `[batch, channels, height, width]`.
    ///
    /// # Errors
    /// Images that do not fit the shape, or a shape that does not fit the network.
    pub fn run(&mut self, images: Images, shape: [usize; 4]) -> Result<(), Error> {
        self.engine.evaluate(images, shape)?;
        for (place, value) in self.values.iter().enumerate() {
            let Some(output) = self.engine.output(place) else { continue };
            let range = self.ranges.0.entry(value.0).or_insert([0.0, 0.0]);
            *range = output.data.iter().fold(*range, |[low, high], x| [low.min(*x), high.max(*x)]);
        }
        Ok(())
    }

    /// The ranges of all runs. What an activation makes next to nothing of is left out of its input's.
    pub fn into_ranges(mut self) -> TensorRanges {
        for (before, act, after) in &self.acts {
            let Some([_, high]) = self.ranges.get(ValueId(*after)) else { continue };
            if let (Some(range), Some(low)) = (self.ranges.0.get_mut(before), negligible(*act, high)) {
                range[0] = range[0].max(low);
            }
        }
        self.ranges
    }
}

/// Below which number an activation is zero, to less than half a step of its output's 255 up to `high`.
fn negligible(act: Act, high: f32) -> Option<f32> {
    let half = f64::from(high) / 510.0;
    // Both are nearest to zero far below, and come back to it as x · exp(x).
    let far = || (8..64).map(|i| -f64::from(i) / 4.0).find(|x| -x * x.exp() <= half).map(|x| x as f32);
    match act {
        Act::HardSwish => Some(-3.0),
        Act::Silu | Act::Conv | Act::Mish => far(),
        Act::Relu | Act::Relu6 | Act::LeakyRelu(_) => None,
        Act::Sigmoid | Act::HardSigmoid | Act::Tanh => None,
    }
}

/// Whether a node's tensor is `[batch, channels, height, width]`.
pub(super) fn is_map(graph: &Graph, node: usize) -> bool {
    graph.nodes[node].shape.len() == 4
}

/// The nodes that make a unit's tensors one after the other: the convolution with its batch norm, its activation, the sum with
/// a shortcut. What a unit has not is the node before.
pub(super) fn stages(graph: &Graph, unit: &Unit) -> [usize; 3] {
    let inputs = |node: usize| graph.nodes[node].inputs.as_slice();
    let sum = unit.node;
    let (act, shortcut) = match &unit.kind {
        Kind::Conv { act, shortcut, .. } => (act, *shortcut),
        Kind::Scale { act, .. } => (act, None),
        Kind::Other => return [sum; 3],
    };
    let activated = match (shortcut, inputs(sum)) {
        (Some(other), [a, b]) => {
            if *a == other {
                b.0
            } else {
                a.0
            }
        }
        _ => sum,
    };
    match (act, inputs(activated)) {
        (Some(_), [x]) => [x.0, activated, sum],
        _ => [activated, activated, sum],
    }
}
