//! The units of a graph: what an export writes as one layer with weights.

use super::Unlike;
use crate::graph::{Act, Graph, Op, ParamId, ValueId};
use crate::weights::{ErrorKind, IMAGE, Sizes, Sources, Tracer, UnitKind};

/// A unit of the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Own {
    /// Its module, as in the names of its parameters.
    pub module: Option<String>,
    /// The YAML row that it belongs to.
    pub layer: usize,
    /// Its sizes.
    pub sizes: Sizes,
    /// Where its weight goes; none for a batch norm that stands alone.
    pub weight: Option<ParamId>,
    /// Where its bias goes.
    pub bias: Option<ParamId>,
    /// Weight, bias, mean and variance of its batch norm.
    pub norm: Option<[ParamId; 4]>,
    /// The name by which an activation behind it can be another.
    pub activated: Option<String>,
    /// The activation behind it, if that is clear; `None` in it is the identity.
    pub act: Option<Option<Act>>,
    /// What it reads, as [`crate::weights::Unit::reads`].
    pub reads: Vec<Vec<usize>>,
}

impl Own {
    /// What a message calls it.
    pub fn place(&self) -> String {
        self.module.clone().unwrap_or_else(|| format!("layer {}", self.layer))
    }
}

/// All units of a graph; `wanted` are the tensors that are read from outside.
///
/// # Errors
/// [`Unlike::TooMany`] connections.
pub fn units(graph: &Graph, wanted: &[ValueId]) -> Result<Vec<Own>, Unlike> {
    follow(graph, wanted).map_err(|_| Unlike::TooMany)
}

fn follow(graph: &Graph, wanted: &[ValueId]) -> Result<Vec<Own>, ErrorKind> {
    let mut readers = vec![0usize; graph.nodes.len()];
    let read = graph.nodes.iter().flat_map(|node| &node.inputs).chain(wanted);
    read.for_each(|value| readers[value.0] += 1);
    let mut reads_of = vec![vec![]; graph.nodes.len()];
    for (place, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|input| reads_of[input.0].push(place));
    }
    let mut tracer = Tracer::default();
    let mut units: Vec<Own> = vec![];
    let mut values: Vec<Sources> = Vec::with_capacity(graph.nodes.len());
    // The convolution whose own output a value is.
    let mut direct: Vec<Option<usize>> = vec![None; graph.nodes.len()];
    for (place, node) in graph.nodes.iter().enumerate() {
        let inputs: Vec<Sources> = node.inputs.iter().map(|input| values[input.0].clone()).collect();
        let shape = |id: ParamId| graph.params[id.0].shape.as_slice();
        let unit = |sizes, weight, bias, norm| Own {
            module: graph.module(ValueId(place)).map(str::to_owned),
            layer: node.layer,
            sizes,
            weight,
            bias,
            norm,
            activated: None,
            act: None,
            reads: vec![],
        };
        let made = match &node.op {
            Op::Conv2d { spec, weight, bias } => {
                let sizes = Sizes {
                    kind: UnitKind::Conv,
                    out: spec.out_channels,
                    per_group: shape(*weight).get(1).copied().unwrap_or(0),
                    kernel: spec.kernel,
                    stride: spec.stride,
                    dilation: spec.dilation,
                    groups: spec.groups,
                };
                Some(unit(sizes.normal(), Some(*weight), *bias, None))
            }
            Op::Linear { weight, bias } => match *shape(*weight) {
                [out, input] => Some(unit(Sizes::linear(out, input), Some(*weight), *bias, None)),
                _ => None,
            },
            Op::BatchNorm { weight, bias, mean, var } => {
                let norm = [*weight, *bias, *mean, *var];
                let before = node.inputs.first().filter(|input| readers[input.0] == 1);
                let before = before.and_then(|input| direct[input.0]);
                if let Some(before) = before {
                    units[before].norm = Some(norm);
                    (units[before].act, units[before].activated) = behind(graph, &reads_of, wanted, place);
                    values.push(inputs.first().cloned().unwrap_or_default());
                    continue;
                }
                let sizes = Sizes::by_channel(UnitKind::Conv, graph.params[weight.0].len());
                Some(unit(sizes, None, None, Some(norm)))
            }
            Op::LayerNorm { weight, bias, .. } => {
                let sizes = Sizes::by_channel(UnitKind::LayerNorm, graph.params[weight.0].len());
                Some(unit(sizes, Some(*weight), Some(*bias), None))
            }
            _ => None,
        };
        let Some(own) = made else {
            values.push(match &node.op {
                Op::Input => Tracer::of(IMAGE),
                Op::Parameter(_) => Sources::default(),
                Op::Concat { .. } => tracer.joined(&inputs)?,
                // The second input only says how large the output is.
                Op::UnflattenLike => inputs.first().cloned().unwrap_or_default(),
                _ => tracer.merged(&inputs)?,
            });
            continue;
        };
        let read = tracer.merged(&inputs)?;
        let reads = tracer.keep(&read)?;
        let is_conv = matches!(node.op, Op::Conv2d { .. });
        let (act, activated) = behind(graph, &reads_of, wanted, place);
        units.push(Own { reads, act, activated, ..own });
        direct[place] = is_conv.then_some(units.len() - 1);
        values.push(Tracer::of(units.len() - 1));
    }
    Ok(units)
}

/// The activation that follows a node, and the name of its place.
fn behind(
    graph: &Graph,
    readers: &[Vec<usize>],
    wanted: &[ValueId],
    place: usize,
) -> (Option<Option<Act>>, Option<String>) {
    let alone =
        |op: &Op| matches!(op, Op::Activation(_) | Op::Affine { .. } | Op::Custom(_) | Op::BatchNorm { .. });
    let next: Vec<&Op> = readers[place].iter().map(|reader| &graph.nodes[*reader].op).collect();
    let act = match next.as_slice() {
        _ if wanted.contains(&ValueId(place)) => None,
        [Op::Activation(act)] => Some(Some(*act)),
        [] => None,
        all if all.iter().any(|op| alone(op)) => None,
        _ => Some(None),
    };
    let name =
        readers[place].first().and_then(|reader| graph.activated(ValueId(place), graph.nodes[*reader].layer));
    (act, name)
}
