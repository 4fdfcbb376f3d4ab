//! The values of a model's parameters and buffers, and how a checkpoint's tensors find their places.

use super::cause::cause;
use super::init::initial_values;
use crate::graph::{Graph, ParamId, Role};
use crate::weights::{Array, Data};
use std::collections::BTreeMap;
use std::fmt;

/// One array for each parameter and buffer of a graph, in its order.
#[derive(Clone, Debug)]
pub struct State {
    values: Vec<Array>,
}

/// Tensors of a checkpoint that do not fit the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// In the model, not in the checkpoint.
    pub missing: Vec<String>,
    /// In the checkpoint, not in the model.
    pub unused: Vec<String>,
    /// In both, with another shape or kind: name, the model's shape, the checkpoint's.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
    /// The likely cause, if there is one.
    pub cause: Option<String>,
}

impl Mismatch {
    /// Whether everything fits.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unused.is_empty() && self.misshapen.is_empty()
    }
}

/// So many names of each sort are in the message.
const SHOWN: usize = 10;

impl std::error::Error for Mismatch {}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the weights do not fit the model")?;
        if let Some(cause) = &self.cause {
            write!(f, "\n  {cause}")?;
        }
        let mut part = |what: &str, names: Vec<String>| -> fmt::Result {
            if names.is_empty() {
                return Ok(());
            }
            // Names may come from the file, and thousands of them help nobody.
            let shown: Vec<String> = names.iter().take(SHOWN).map(|n| n.escape_debug().to_string()).collect();
            let more = if names.len() > SHOWN { ", …" } else { "" };
            write!(f, "\n  {} {what}: {}{more}", names.len(), shown.join(", "))
        };
        part("missing", self.missing.clone())?;
        part("unused", self.unused.clone())?;
        let shapes = self
            .misshapen
            .iter()
            .map(|(name, model, file)| format!("{name} (model {model:?}, file {file:?})"));
        part("of another shape or kind of number", shapes.collect())
    }
}

impl State {
    /// A new model, filled from a seed.
    pub fn new(graph: &Graph, seed: u64) -> Self {
        State { values: initial_values(graph, seed) }
    }

    /// The tensors of a checkpoint, all of which must fit; a missing `num_batches_tracked` is 0.
    pub fn from_arrays(graph: &Graph, mut arrays: BTreeMap<String, Array>) -> Result<Self, Mismatch> {
        let mut mismatch = Mismatch::default();
        let mut values = Vec::with_capacity(graph.params.len());
        for param in &graph.params {
            match arrays.remove(&param.name) {
                None if param.role == Role::Counter => {
                    values.push(Array { shape: vec![], data: Data::I64(vec![0]) });
                }
                None => mismatch.missing.push(param.name.clone()),
                Some(array) => {
                    let counts = matches!(array.data, Data::I64(_));
                    if array.shape != param.shape || counts != (param.role == Role::Counter) {
                        mismatch.misshapen.push((param.name.clone(), param.shape.clone(), array.shape));
                    } else if mismatch.is_empty() {
                        values.push(array);
                    }
                }
            }
        }
        mismatch.unused = arrays.into_keys().collect();
        if mismatch.is_empty() {
            return Ok(State { values });
        }
        mismatch.cause = cause(graph, &mismatch);
        Err(mismatch)
    }

    /// The values by name, as a checkpoint holds them.
    pub fn to_arrays(&self, graph: &Graph) -> BTreeMap<String, Array> {
        graph.params.iter().map(|param| param.name.clone()).zip(self.values.iter().cloned()).collect()
    }

    /// Shape and values of one parameter.
    pub fn get(&self, id: ParamId) -> &Array {
        &self.values[id.0]
    }

    /// The values of one parameter of floats; empty for a counter.
    pub fn floats(&self, id: ParamId) -> &[f32] {
        match &self.values[id.0].data {
            Data::F32(values) => values,
            Data::I64(_) => &[],
        }
    }

    /// Takes the values of one parameter of floats away; it has none from then on.
    pub fn take(&mut self, id: ParamId) -> Vec<f32> {
        match &mut self.values[id.0].data {
            Data::F32(values) => std::mem::take(values),
            Data::I64(_) => vec![],
        }
    }

    /// Takes what a checkpoint has of the same name and shape, without anchors if they are kept; how many tensors that were
    /// (v6.1 `intersect_dicts`).
    pub fn transfer(&mut self, graph: &Graph, arrays: &BTreeMap<String, Array>, keep_anchors: bool) -> usize {
        let mut count = 0;
        for (i, param) in graph.params.iter().enumerate() {
            let Some(array) = arrays.get(&param.name) else { continue };
            let counts = matches!(array.data, Data::I64(_));
            let fits = array.shape == param.shape && counts == (param.role == Role::Counter);
            if fits && !(keep_anchors && param.name.contains("anchor")) {
                self.values[i] = array.clone();
                count += 1;
            }
        }
        count
    }

    /// Changes the values of one parameter of floats; other lengths change nothing.
    pub fn set_floats(&mut self, id: ParamId, values: Vec<f32>) {
        if let Data::F32(old) = &mut self.values[id.0].data
            && old.len() == values.len()
        {
            *old = values;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{GraphBuilder, Init, Limits};

    /// `intersect_dicts`: other shapes, other kinds and, where they are kept, anchors stay.
    #[test]
    fn what_fits_is_transferred() {
        let (mut b, _) = GraphBuilder::new([1, 3, 8, 8], Limits::default());
        for (name, role) in [("w", Role::Trainable), ("anchors", Role::Buffer), ("n", Role::Counter)] {
            b.define("m", name, &[2], Init::Constant(0.0), role, None).unwrap();
        }
        let graph = b.finish();
        let floats = |values: &[f32]| Array { shape: vec![values.len()], data: Data::F32(values.to_vec()) };
        let named = |i: usize| graph.params[i].name.clone();
        let (w, anchors) = (ParamId(0), ParamId(1));
        let arrays: BTreeMap<String, Array> = [
            (named(0), floats(&[1.0, 2.0])),
            (named(1), floats(&[3.0, 4.0])),
            (named(2), floats(&[5.0, 6.0])),
        ]
        .into();
        let taken = |arrays: &BTreeMap<String, Array>, keep| {
            let mut state = State::new(&graph, 0);
            let count = state.transfer(&graph, arrays, keep);
            (count, state.floats(w).to_vec(), state.floats(anchors).to_vec())
        };
        assert_eq!(taken(&arrays, false), (2, vec![1.0, 2.0], vec![3.0, 4.0]));
        assert_eq!(taken(&arrays, true), (1, vec![1.0, 2.0], vec![0.0, 0.0]));
        let longer = [(named(0), floats(&[1.0, 2.0, 3.0]))].into();
        assert_eq!(taken(&longer, false), (0, vec![0.0, 0.0], vec![0.0, 0.0]));
    }
}
