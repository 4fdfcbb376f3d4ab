//! Which activation an operation gets: the block's, that of Conv in this model, or one that the model names by its place.

use super::{Act, BuildError, Graph, GraphBuilder, Op, ValueId};
use std::collections::{BTreeMap, BTreeSet};

/// What a model says of its activations; `None` is the identity.
#[derive(Clone, Debug)]
pub struct Activations {
    /// What [`Act::Conv`] stands for.
    pub conv: Option<Act>,
    /// Those behind single modules, by [`Graph::activated`].
    pub single: BTreeMap<String, Option<Act>>,
    /// The names in `single` that were met.
    pub met: BTreeSet<String>,
}

impl Default for Activations {
    fn default() -> Self {
        Activations { conv: Some(Act::Silu), single: BTreeMap::new(), met: BTreeSet::new() }
    }
}

impl GraphBuilder {
    /// What the model says of its activations.
    pub fn set_activations(&mut self, activations: Activations) {
        self.activations = activations;
    }

    /// The names of single activations that nothing had so far.
    pub fn unmet_activations(&self) -> Vec<String> {
        let Activations { single, met, .. } = &self.activations;
        single.keys().filter(|name| !met.contains(*name)).cloned().collect()
    }

    /// Adds an activation, or another that the model has there.
    pub fn activation(&mut self, act: Act, x: ValueId) -> Result<ValueId, BuildError> {
        let name = match self.activations.single.is_empty() {
            true => None,
            false => self.graph().activated(x, self.layer),
        };
        let single = name.as_ref().and_then(|name| self.activations.single.get(name)).copied();
        self.activations.met.extend(name.filter(|_| single.is_some()));
        let act = match (single, act) {
            (Some(single), _) => single,
            (None, Act::Conv) => self.activations.conv,
            (None, act) => Some(act),
        };
        match act {
            Some(act) => self.push(Op::Activation(act), vec![x]),
            None => Ok(x),
        }
    }
}

impl Graph {
    /// The module of an operation with parameters of its own, as in their names.
    pub fn module(&self, x: ValueId) -> Option<&str> {
        let op = &self.nodes[x.0].op;
        let weight = op.parameters().first().copied().filter(|_| !matches!(op, Op::Parameter(_)))?;
        self.params[weight.0].name.strip_suffix(".weight")
    }

    /// The name of what an activation in YAML row `layer` stands behind, if it has one: the module, or where that is the
    /// part `conv` or `bn` of a Conv, the Conv.
    pub fn activated(&self, x: ValueId, layer: usize) -> Option<String> {
        let module = self.module(x).filter(|_| self.nodes[x.0].layer == layer)?;
        let conv = module.strip_suffix(".bn").or_else(|| module.strip_suffix(".conv"));
        Some(conv.unwrap_or(module).to_string())
    }
}
