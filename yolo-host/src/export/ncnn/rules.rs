//! What the rules share: where tensors are, and convolutions. ncnn knows no batch: a tensor `[1, c, h, w]` is a blob of the sizes
//! `[c, h, w]`.

use super::super::Error;
use super::activation;
use super::moves::{as_dims, elementwise, sizes};
use super::writer::Param::Int;
use super::writer::{Blob, Writer};
use crate::exec::engine::fold::{Kind, Unit};
use crate::graph::{Act, ConvSpec, Graph, Node, Op, ParamId, ValueId};
use crate::model::State;

/// What the rules need of the network.
#[derive(Debug)]
pub struct Rules<'a> {
    /// Operations.
    pub graph: &'a Graph,
    /// Their values.
    pub state: &'a State,
    /// Every node's shape for one image of the size that is asked for.
    pub shapes: &'a [Vec<usize>],
    /// The blob of every node that was emitted.
    pub blobs: Vec<Option<Blob>>,
}

pub(super) const NO_BATCH: &str = "ncnn knows no batch";

impl Rules<'_> {
    /// Emits a unit; its blob can then be read.
    ///
    /// # Errors
    /// What ncnn has no layer for.
    pub fn emit(&mut self, w: &mut Writer, unit: &Unit) -> Result<(), Error> {
        let node = &self.graph.nodes[unit.node];
        let blob = match &unit.kind {
            Kind::Conv { start, input, spec, weight, bias, act, shortcut } => {
                let y = self.conv(w, *start, *input, spec, (weight, bias), *act)?;
                match shortcut {
                    Some(other) => {
                        let dims = self.dims(unit.node)?;
                        let (y, other) = (as_dims(w, y, &dims), self.read(w, node, *other, &dims)?);
                        w.layer("BinaryOp", &[y, other], &[(0, Int(0))], &dims)
                    }
                    None => y,
                }
            }
            Kind::Scale { input, scale, act } => {
                let (x, scale) = (self.tensor(w, node, *input)?, self.tensor(w, node, *scale)?);
                let dims = w.dims(x).to_vec();
                let y = w.layer("BinaryOp", &[x, scale], &[(0, Int(2))], &dims);
                act.map_or(y, |act| elementwise(w, y, activation::layer(act)))
            }
            // What reads it will have it as data.
            Kind::Other if self.has_no_batch(unit.node) => return Ok(()),
            Kind::Other => self.operation(w, unit.node)?,
        };
        self.blobs[unit.node] = Some(blob);
        Ok(())
    }

    /// A tensor that is asked for, of the sizes that the graph gives it.
    ///
    /// # Errors
    /// It is more than one image's.
    pub fn output(&self, w: &mut Writer, value: ValueId) -> Result<Blob, Error> {
        let node = &self.graph.nodes[value.0];
        match self.shapes[value.0].first() {
            Some(1) => self.tensor(w, node, value),
            _ => Err(Error::NoRule { layer: node.layer, op: node.op.name(), why: NO_BATCH }),
        }
    }

    /// A node's sizes without the batch, which is one image.
    pub(super) fn dims(&self, place: usize) -> Result<Vec<usize>, Error> {
        let node = &self.graph.nodes[place];
        let no = |why| Error::NoRule { layer: node.layer, op: node.op.name(), why };
        match self.shapes[place].as_slice() {
            [1, rest @ ..] if (1..=4).contains(&rest.len()) => Ok(rest.to_vec()),
            [] => Err(no("ncnn has no tensor without axes")),
            all if all.len() <= 4 && self.has_no_batch(place) => Ok(all.to_vec()),
            all => {
                Err(no(if all.first() == Some(&1) { "ncnn has no more than four axes" } else { NO_BATCH }))
            }
        }
    }

    /// Whether a tensor comes of parameters alone and is no single image's.
    fn has_no_batch(&self, place: usize) -> bool {
        self.shapes[place].first() != Some(&1) && self.constant(place).is_some()
    }

    /// The values of a parameter, or of a part of one or with its axes exchanged, row-major.
    fn constant(&self, place: usize) -> Option<Vec<f32>> {
        let node = &self.graph.nodes[place];
        if let Op::Parameter(id) = node.op {
            return Some(self.state.floats(id).to_vec());
        }
        let input = node.inputs.first()?.0;
        let from = &self.shapes[input];
        let stride = |axis: usize| from[axis + 1..].iter().product::<usize>();
        let picked = |index: &mut dyn FnMut(usize) -> usize| {
            let values = self.constant(input)?;
            let count = self.shapes[place].iter().product();
            (0..count).map(|at| values.get(index(at)).copied()).collect()
        };
        if let Op::Slice { axis, start, length } = node.op {
            let inner = stride(axis);
            let (part, whole) = (length * inner, from[axis] * inner);
            return picked(&mut |at| at / part * whole + start * inner + at % part);
        }
        let Op::Transpose(a, b) = node.op else { return None };
        picked(&mut |at| {
            let (mut rest, mut index) = (at, 0);
            for (axis, size) in self.shapes[place].iter().enumerate().rev() {
                let exchanged = if axis == a {
                    b
                } else if axis == b {
                    a
                } else {
                    axis
                };
                index += rest % size * stride(exchanged);
                rest /= size;
            }
            index
        })
    }

    /// An input, whatever sizes its blob has.
    pub(super) fn blob(&self, w: &mut Writer, node: &Node, value: ValueId) -> Result<Blob, Error> {
        if let Some(blob) = self.blobs[value.0] {
            return Ok(blob);
        }
        let missing = || Error::Missing { layer: node.layer, op: node.op.name() };
        let values = self.constant(value.0).ok_or_else(missing)?;
        let dims = self.dims(value.0)?;
        let blob = w.layer("MemoryData", &[], &sizes(&dims), &dims);
        w.floats(&values);
        Ok(blob)
    }

    /// An input of these sizes.
    pub(super) fn read(
        &self,
        w: &mut Writer,
        node: &Node,
        value: ValueId,
        dims: &[usize],
    ) -> Result<Blob, Error> {
        let blob = self.blob(w, node, value)?;
        Ok(as_dims(w, blob, dims))
    }

    /// An input of the sizes that the graph gives it.
    pub(super) fn tensor(&self, w: &mut Writer, node: &Node, value: ValueId) -> Result<Blob, Error> {
        self.read(w, node, value, &self.dims(value.0)?)
    }

    /// An input of as many axes as the output of `place`, as broadcasting aligns them.
    pub(super) fn aligned(&self, w: &mut Writer, place: usize, value: ValueId) -> Result<Blob, Error> {
        let node = &self.graph.nodes[place];
        let axes = self.shapes[place].len();
        let mut shape = vec![1; axes.saturating_sub(self.shapes[value.0].len())];
        shape.extend_from_slice(&self.shapes[value.0]);
        match shape.split_first() {
            Some((1, dims)) => self.read(w, node, value, dims),
            _ => Err(Error::NoRule { layer: node.layer, op: node.op.name(), why: NO_BATCH }),
        }
    }

    pub(super) fn values(&self, id: ParamId) -> &[f32] {
        self.state.floats(id)
    }

    /// A convolution with batch norm in it, or a linear layer.
    fn conv(
        &self,
        w: &mut Writer,
        start: usize,
        input: ValueId,
        spec: &ConvSpec,
        (weight, bias): (&[f32], &[f32]),
        act: Option<Act>,
    ) -> Result<Blob, Error> {
        let node = &self.graph.nodes[start];
        let name = self.graph.module(ValueId(start)).map_or_else(|| format!("conv_{start}"), str::to_string);
        let is_map = self.shapes[start].len() == 4;
        let fused = act.and_then(activation::fused);
        let mut params = vec![(0, Int(spec.out_channels as i64))];
        // A single pixel is a vector, which a linear layer takes.
        let is_pixel = is_map && self.shapes[input.0].get(2..) == Some(&[1, 1]);
        let y = if !is_map
            || (is_pixel && spec.kernel == [1, 1] && spec.groups == 1 && spec.padding == [0, 0])
        {
            params.extend([(1, Int(1)), (2, Int(weight.len() as i64))]);
            params.extend(fused.clone().unwrap_or_default());
            let (x, dims) = match is_map {
                true => (self.read(w, node, input, &self.shapes[input.0][1..2])?, vec![spec.out_channels]),
                false => (self.tensor(w, node, input)?, self.dims(start)?),
            };
            w.named("InnerProduct", &name, &[x], &params, &dims)
        } else {
            let [height, width] = spec.kernel;
            let pairs = [(1, width), (11, height), (2, spec.dilation[1]), (12, spec.dilation[0])];
            let more =
                [(3, spec.stride[1]), (13, spec.stride[0]), (4, spec.padding[1]), (14, spec.padding[0])];
            params.extend(pairs.iter().chain(&more).map(|(id, value)| (*id, Int(*value as i64))));
            params.extend([(5, Int(1)), (6, Int(weight.len() as i64))]);
            let kind = if spec.groups > 1 { "ConvolutionDepthWise" } else { "Convolution" };
            params.extend((spec.groups > 1).then_some((7, Int(spec.groups as i64))));
            params.extend(fused.clone().unwrap_or_default());
            let (x, dims) = (self.tensor(w, node, input)?, self.dims(start)?);
            w.named(kind, &name, &[x], &params, &dims)
        };
        w.weights(weight);
        w.floats(bias);
        Ok(match act {
            Some(act) if fused.is_none() => elementwise(w, y, activation::layer(act)),
            _ => y,
        })
    }
}
