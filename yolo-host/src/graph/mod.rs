//! The graph of primitive operations that blocks describe, its shapes, and what can be computed from it without tensors.
//!
//! A [`Graph`] is a list of [`Node`]s in an order in which they can run; each has one output, so a [`ValueId`] is a node's
//! place in the list. Parameters stand in a second list and are referred to by [`ParamId`].
#![deny(clippy::wildcard_enum_match_arm)] // a new operation or kind is named where it is missing

use std::sync::Arc;

mod activation;
mod builder;
mod custom;
mod layers;
mod op;
mod shape;
mod statistics;
mod window;

pub use activation::Activations;
pub use builder::{BuildError, GraphBuilder, Limits};
pub use custom::{CustomError, CustomOp, View};
pub use op::{BATCH_NORM_EPS, BATCH_NORM_MOMENTUM, Op};
pub(crate) use op::{primitive, without_parameters};
pub(crate) use shape::check_size;
pub use shape::{ShapeError, infer};
pub use statistics::{macs, node_macs};

pub use yolo_plugin::{Act, Conv2d as ConvSpec, Init, Order, Pool, Pool2d as PoolSpec, Upsample};

/// A tensor of the graph: the place of the node that makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub usize);

/// A parameter or buffer: its place in [`Graph::params`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParamId(pub usize);

/// What training does with a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The optimiser changes it; it counts as a parameter.
    Trainable,
    /// A buffer of floats, such as a running mean.
    Buffer,
    /// `num_batches_tracked`: an int64 scalar.
    Counter,
}

/// A named array of the model, as in a PyTorch `state_dict`.
#[derive(Clone, Debug)]
pub struct Param {
    /// Full name, such as `model.2.cv1.conv.weight`.
    pub name: String,
    /// Shape; empty for a scalar.
    pub shape: Vec<usize>,
    /// How a new model fills it …
    pub init: Init,
    /// … and what is then added: the anchors, and the prior in Detect's biases.
    pub offset: Option<Arc<[f32]>>,
    /// What training does with it.
    pub role: Role,
    /// The YAML row that it belongs to.
    pub layer: usize,
}

impl Param {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One operation and its output.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// From which tensors.
    pub inputs: Vec<ValueId>,
    /// Output shape for the nominal input with which the graph was built.
    pub shape: Vec<usize>,
    /// The YAML row that it belongs to.
    pub layer: usize,
}

/// A network: operations in running order, and the parameters that they use.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Operations; the first is [`Op::Input`].
    pub nodes: Vec<Node>,
    /// Parameters and buffers in order of definition.
    pub params: Vec<Param>,
}

/// A use to which a graph cannot be put.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("layer {layer}: custom operation `{op}` has no {lacks}, so that the model cannot be {used}")]
pub struct CustomLacks {
    /// The YAML row.
    pub layer: usize,
    /// The operation.
    pub op: String,
    /// What its plugin left out.
    pub lacks: &'static str,
    /// What needs it.
    pub used: &'static str,
}

/// A node whose shapes do not fit for some input.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("layer {layer}")]
pub struct NodeError {
    /// The YAML row.
    pub layer: usize,
    /// What does not fit.
    #[source]
    pub source: ShapeError,
}

impl Graph {
    /// The output shape of every node for an input `[batch, channels, height, width]`.
    pub fn shapes(&self, input: &[usize]) -> Result<Vec<Vec<usize>>, NodeError> {
        let mut shapes: Vec<Vec<usize>> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let inputs: Vec<&[usize]> = node.inputs.iter().map(|id| shapes[id.0].as_slice()).collect();
            let shape = match matches!(node.op, Op::Input) {
                true => Ok(input.to_vec()),
                false => infer(&node.op, &inputs, &self.params),
            };
            shapes.push(shape.map_err(|source| NodeError { layer: node.layer, source })?);
        }
        Ok(shapes)
    }

    /// Trainable elements of one YAML row, or of all.
    pub fn parameters(&self, layer: Option<usize>) -> usize {
        self.params
            .iter()
            .filter(|p| p.role == Role::Trainable && layer.is_none_or(|layer| p.layer == layer))
            .map(Param::len)
            .sum()
    }

    /// Fails for the first custom operation without a gradient.
    pub fn check_trainable(&self) -> Result<(), CustomLacks> {
        self.check_custom(|custom| custom.has_backward(), "backward", "trained")
    }

    /// Fails for the first custom operation that names no ONNX operator.
    pub fn check_exportable(&self) -> Result<(), CustomLacks> {
        self.check_custom(|custom| custom.onnx().is_some(), "ONNX operator", "exported")
    }

    fn check_custom(
        &self,
        fit: impl Fn(&dyn CustomOp) -> bool,
        lacks: &'static str,
        used: &'static str,
    ) -> Result<(), CustomLacks> {
        let unfit = self.nodes.iter().find_map(|node| {
            let Op::Custom(custom) = &node.op else { return None };
            (!fit(&**custom)).then(|| (node.layer, custom.name().to_string()))
        });
        unfit.map_or(Ok(()), |(layer, op)| Err(CustomLacks { layer, op, lacks, used }))
    }

    /// For each node, the last node that reads it (itself when none does).
    pub fn last_uses(&self) -> Vec<usize> {
        let mut last: Vec<usize> = (0..self.nodes.len()).collect();
        for (place, node) in self.nodes.iter().enumerate() {
            for input in &node.inputs {
                last[input.0] = place;
            }
        }
        last
    }
}
