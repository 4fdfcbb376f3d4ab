//! Grows a graph: checks every operation as it is added, names parameters by scope, keeps the first error.

use super::op::Op;
use super::{Activations, Graph, Init, Node, Param, ParamId, Role, ShapeError, ValueId, infer};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use yolo_plugin::Value;
use yolo_plugin::abi::{MAX_RANK, status};

/// Why a block could not be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// An operation does not fit its inputs.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The block itself reports it.
    #[error("{0}")]
    Block(String),
    /// A call that no correct block makes.
    #[error("{0}; this is a mistake in the plugin")]
    Misuse(String),
    /// More than the limits allow.
    #[error("{0}; a model of this size is not supported")]
    TooLarge(String),
}

impl BuildError {
    /// One of [`yolo_plugin::abi::status`].
    pub fn status(&self) -> u32 {
        match self {
            BuildError::Shape(_) => status::SHAPE,
            BuildError::Block(_) => status::ERROR,
            BuildError::Misuse(_) => status::MISUSE,
            BuildError::TooLarge(_) => status::TOO_LARGE,
        }
    }
}

/// How much one model may ask for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Operations.
    pub nodes: usize,
    /// Inputs of all operations together.
    pub edges: usize,
    /// Elements of all parameters together.
    pub parameters: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { nodes: 100_000, edges: 1_000_000, parameters: 1 << 31 }
    }
}

/// No parameter has a longer name, and no name more scopes; both are several times what any model has.
const MAX_NAME: usize = 256;
const MAX_SCOPES: usize = 64;

/// A graph under construction.
pub struct GraphBuilder {
    graph: Graph,
    limits: Limits,
    elements: usize,
    names: HashSet<String>,
    scope: Vec<String>,
    /// So many scopes belong to the layer, and the block that builds cannot close them.
    floor: usize,
    /// The block that builds, if it is one of a library.
    owner: Arc<str>,
    pub(super) layer: usize,
    edges: usize,
    pub(super) activations: Activations,
    error: Option<BuildError>,
    error_text: String,
    /// Distinguishes this graph's handles from those of any other.
    tag: u32,
}

static NEXT_TAG: AtomicU32 = AtomicU32::new(1);

impl GraphBuilder {
    /// A graph with nothing but its input, of the nominal shape `[batch, channels, height, width]`.
    pub fn new(input: [usize; 4], limits: Limits) -> (Self, ValueId) {
        let node = Node { op: Op::Input, inputs: vec![], shape: input.to_vec(), layer: 0 };
        let builder = GraphBuilder {
            graph: Graph { nodes: vec![node], params: vec![] },
            limits,
            elements: 0,
            names: HashSet::new(),
            scope: vec![],
            floor: 1,
            owner: "".into(),
            layer: 0,
            edges: 0,
            activations: Activations::default(),
            error: None,
            error_text: String::new(),
            tag: NEXT_TAG.fetch_add(1, Ordering::Relaxed),
        };
        (builder, ValueId(0))
    }

    /// The graph so far.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The finished graph.
    pub fn finish(self) -> Graph {
        self.graph
    }

    /// Starts a YAML row; names inside get the prefix `model.LAYER.`.
    pub fn begin_layer(&mut self, layer: usize) {
        self.layer = layer;
        self.scope = vec![format!("model.{layer}")];
    }

    /// The first error since the last call.
    pub fn take_error(&mut self) -> Option<BuildError> {
        self.error_text.clear();
        self.error.take()
    }

    /// The error that waits to be taken.
    pub fn error(&self) -> Option<&BuildError> {
        self.error.as_ref()
    }

    /// Its text, for the plugin.
    pub fn error_text(&self) -> &str {
        &self.error_text
    }

    /// Whether an error is waiting to be taken.
    pub fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// Keeps the first error.
    pub fn fail(&mut self, error: BuildError) {
        if self.error.is_none() {
            self.error_text = error.to_string();
            self.error = Some(error);
        }
    }

    /// Opens a scope: a prefix of parameter names.
    pub fn push_scope(&mut self, name: &str) {
        if self.scope.len() < MAX_SCOPES && name.len() <= MAX_NAME {
            self.scope.push(name.to_string());
        } else {
            self.fail(BuildError::TooLarge(format!(
                "a name of more than {MAX_SCOPES} scopes or {MAX_NAME} bytes"
            )));
        }
    }

    /// Lets a block build; `owner` names it in errors of its operations. [`leave`](Self::leave) takes the result.
    pub fn enter(&mut self, owner: &str) -> usize {
        self.owner = owner.into();
        std::mem::replace(&mut self.floor, self.scope.len())
    }

    /// The block that builds, as [`enter`](Self::enter) named it.
    pub fn owner(&self) -> &Arc<str> {
        &self.owner
    }

    /// Ends what [`enter`](Self::enter) began.
    pub fn leave(&mut self, outside: usize) {
        if self.scope.len() > self.floor {
            self.fail(BuildError::Misuse("a scope was opened and not closed".into()));
        }
        self.floor = outside;
        self.owner = "".into();
    }

    /// Closes the innermost scope.
    pub fn pop_scope(&mut self) {
        if self.scope.len() > self.floor {
            self.scope.pop();
        } else {
            self.fail(BuildError::Misuse("a scope was closed that was never opened".into()));
        }
    }

    /// The handle under which plugins know a tensor.
    pub fn handle(&self, id: ValueId) -> Value {
        Value((u64::from(self.tag) << 32) | (id.0 as u64 + 1))
    }

    /// The tensor behind a handle, if it is one of this graph.
    pub fn resolve(&self, value: Value) -> Result<ValueId, BuildError> {
        let (tag, place) = (value.0 >> 32, (value.0 & 0xffff_ffff) as usize);
        if value == Value::NONE {
            return Err(BuildError::Misuse("no tensor (YOLO_NONE) where one is needed".into()));
        }
        if tag != u64::from(self.tag) || place == 0 || place > self.graph.nodes.len() {
            return Err(BuildError::Misuse(format!("{:#x} is not a tensor of this model", value.0)));
        }
        Ok(ValueId(place - 1))
    }

    /// Nominal shape of a tensor.
    pub fn shape(&self, id: ValueId) -> &[usize] {
        &self.graph.nodes[id.0].shape
    }

    /// Adds an operation.
    pub fn push(&mut self, op: Op, inputs: Vec<ValueId>) -> Result<ValueId, BuildError> {
        if self.graph.nodes.len() >= self.limits.nodes {
            return Err(BuildError::TooLarge(format!("more than {} operations", self.limits.nodes)));
        }
        self.edges += inputs.len();
        if self.edges > self.limits.edges {
            return Err(BuildError::TooLarge(format!(
                "more than {} inputs of operations",
                self.limits.edges
            )));
        }
        let shapes: Vec<&[usize]> = inputs.iter().map(|id| self.shape(*id)).collect();
        let shape = infer(&op, &shapes, &self.graph.params)?;
        self.graph.nodes.push(Node { op, inputs, shape, layer: self.layer });
        Ok(ValueId(self.graph.nodes.len() - 1))
    }

    /// Defines a parameter or buffer `SCOPE.MODULE.NAME`; an empty module is left out.
    pub fn define(
        &mut self,
        module: &str,
        name: &str,
        shape: &[usize],
        init: Init,
        role: Role,
        offset: Option<Arc<[f32]>>,
    ) -> Result<ParamId, BuildError> {
        let module = Some(module).filter(|module| !module.is_empty());
        let path = self.scope.iter().map(String::as_str).chain(module).chain([name]);
        let name = path.collect::<Vec<_>>().join(".");
        if name.len() > MAX_NAME || shape.len() > MAX_RANK {
            return Err(BuildError::TooLarge(format!(
                "a parameter's name of {} bytes and {} axes, where {MAX_NAME} and {MAX_RANK} are the most",
                name.len(),
                shape.len()
            )));
        }
        let elements = shape.iter().try_fold(1usize, |a, &b| a.checked_mul(b));
        let total = elements.and_then(|elements| self.elements.checked_add(elements));
        match total {
            Some(total) if total <= self.limits.parameters => self.elements = total,
            _ => {
                let limit = self.limits.parameters;
                return Err(BuildError::TooLarge(format!(
                    "`{name}` {shape:?} brings the model over {limit} parameters"
                )));
            }
        }
        if !self.names.insert(name.clone()) {
            return Err(BuildError::Misuse(format!("`{name}` is defined twice")));
        }
        self.graph.params.push(Param { name, shape: shape.to_vec(), init, offset, role, layer: self.layer });
        Ok(ParamId(self.graph.params.len() - 1))
    }

    /// What a new model adds to the initial values of a parameter.
    pub fn set_offset(&mut self, id: ParamId, offset: Arc<[f32]>) {
        self.graph.params[id.0].offset = Some(offset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_reach_the_limit_and_not_beyond() {
        let limits = Limits { parameters: 10, ..Limits::default() };
        let (mut b, _) = GraphBuilder::new([1, 3, 8, 8], limits);
        let mut define =
            |name, count| b.define("", name, &[count], Init::Constant(0.0), Role::Trainable, None);
        assert!(define("a", 6).is_ok());
        assert!(matches!(define("b", 5), Err(BuildError::TooLarge(_))));
        assert!(define("c", 4).is_ok());
        assert!(matches!(define("d", 1), Err(BuildError::TooLarge(_))));
    }
}
