//! The ranges of a network's tensors, as the engine computes them on images: of what convolutions read, and of what lies between.

use crate::exec::engine::Engine;
use crate::exec::engine::fold::{Kind, Unit, folded};
use crate::exec::{Error, Images, Network};
use crate::graph::{Graph, ValueId};
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
}

impl Calibration {
    /// Prepares a model with its values.
    pub fn new(model: &Model, state: State) -> Self {
        let graph = &model.graph;
        let mut values = vec![];
        for unit in folded(graph, &mut state.clone(), &model.detect.outputs) {
            let mut own: Vec<usize> = stages(graph, &unit).into();
            own.dedup();
            values.extend(own.into_iter().filter(|node| *node > 0 && is_map(graph, *node)).map(ValueId));
        }
        let engine = Engine::new(graph, state, &values);
        Calibration { engine, values, ranges: TensorRanges::default() }
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

    /// The ranges of all runs.
    pub fn into_ranges(self) -> TensorRanges {
        self.ranges
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
