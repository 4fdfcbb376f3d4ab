//! Detect's convolutions of other classes: for each anchor a row for each side of the box, for objectness, and for each class.

use super::ClassMap;
use crate::graph::ParamId;
use crate::model::{Model, State};
use crate::weights::{Array, Data};
use std::collections::BTreeMap;

/// Detect's weights and biases.
pub fn head_parameters(model: &Model) -> Vec<ParamId> {
    let of = |output: &crate::graph::ValueId| model.graph.nodes[output.0].op.parameters();
    model.detect.outputs.iter().flat_map(of).collect()
}

/// Whether a checkpoint has a head of the same shapes.
pub fn fits_head(model: &Model, arrays: &BTreeMap<String, Array>) -> bool {
    head_parameters(model)
        .iter()
        .map(|id| &model.graph.params[id.0])
        .all(|param| arrays.get(&param.name).is_some_and(|array| array.shape == param.shape))
}

/// Removes the head from a checkpoint's tensors.
pub fn drop_head(model: &Model, arrays: &mut BTreeMap<String, Array>) {
    for id in head_parameters(model) {
        arrays.remove(&model.graph.params[id.0].name);
    }
}

impl ClassMap {
    /// Fills the head of a new model, whose classes are those that are wanted, with what `arrays` have of it, and removes that
    /// from them. The rows of a class that is not there stay as they are. Whether it fitted: it may have other anchors.
    pub fn take_head(&self, model: &Model, state: &mut State, arrays: &mut BTreeMap<String, Array>) -> bool {
        let (na, no) = (model.detect.na, model.detect.no());
        let parameters = head_parameters(model);
        let rows = na * (5 + self.count);
        let mut filled = vec![];
        for id in &parameters {
            let param = &model.graph.params[id.0];
            // What does not fit must not be taken by its shape either: 3 anchors of 3 classes look like 4 of one.
            let Some(Array { shape, data: Data::F32(old) }) = arrays.remove(&param.name) else { continue };
            let fits =
                no == 5 + self.wanted() && shape.first() == Some(&rows) && shape[1..] == param.shape[1..];
            if fits && old.len() == shape.iter().product::<usize>() {
                filled.push((*id, self.filled(&old, state.floats(*id), na)));
            }
        }
        if filled.is_empty() || filled.len() < parameters.len() {
            return false;
        }
        filled.into_iter().for_each(|(id, values)| state.set_floats(id, values));
        true
    }

    /// A tensor's rows for the classes that are wanted: those of `old` where there are any, else those of `new`.
    fn filled(&self, old: &[f32], new: &[f32], na: usize) -> Vec<f32> {
        let (here, there) = (5 + self.wanted(), 5 + self.count);
        let width = new.len() / (na * here);
        let mut values = new.to_vec();
        for anchor in 0..na {
            let sources = (0..5).map(Some).chain(self.from.iter().map(|from| from.map(|class| 5 + class)));
            for (row, source) in sources.enumerate() {
                let Some(source) = source else { continue };
                let to = (anchor * here + row) * width;
                let at = (anchor * there + source) * width;
                values[to..to + width].copy_from_slice(&old[at..at + width]);
            }
        }
        values
    }
}
