//! One rule an operation.

use super::super::Error;
use super::activation;
use super::moves::{as_dims, elementwise, permute, sizes, turned};
use super::rules::{NO_BATCH, Rules};
use super::writer::Param::{Float, Int, Ints};
use super::writer::{Blob, Param, Writer};
use crate::graph::{BATCH_NORM_EPS, Op, Pool, PoolSpec, Upsample, ValueId};

impl Rules<'_> {
    /// Everything that is no convolution.
    pub(super) fn operation(&mut self, w: &mut Writer, place: usize) -> Result<Blob, Error> {
        let graph = self.graph;
        let node = &graph.nodes[place];
        let (layer, op) = (node.layer, node.op.name());
        let no = |why| Error::NoRule { layer, op, why };
        let input = |i: usize| node.inputs.get(i).copied().ok_or(Error::Missing { layer, op });
        let dims = self.dims(place)?;
        let axis = |axis: usize| axis.checked_sub(1).map(|axis| Int(axis as i64)).ok_or(no(NO_BATCH));
        Ok(match &node.op {
            // The graph's input is there from the beginning.
            Op::Input => return Err(Error::Missing { layer, op }),
            Op::Parameter(id) => {
                let param = &graph.params[id.0];
                let y = w.named("MemoryData", &param.name, &[], &sizes(&dims), &dims);
                w.floats(self.values(*id));
                y
            }
            Op::Conv2d { .. } => return Err(no("it was not folded")),
            Op::BatchNorm { weight, bias, mean, var } => {
                let x = self.tensor(w, node, input(0)?)?;
                let channels = self.values(*weight).len() as i64;
                let y = w.layer("BatchNorm", &[x], &[(0, Int(channels)), (1, Float(BATCH_NORM_EPS))], &dims);
                [weight, mean, var, bias].iter().for_each(|id| w.floats(self.values(**id)));
                y
            }
            Op::LayerNorm { weight, bias, eps } => {
                let x = self.tensor(w, node, input(0)?)?;
                let y = permute(w, x, &[1, 2, 0]).ok_or(no("its input is no map"))?;
                let (last, channels) = (w.dims(y).to_vec(), self.values(*weight).len() as i64);
                let y =
                    w.layer("LayerNorm", &[y], &[(0, Int(channels)), (1, Float(*eps)), (2, Int(1))], &last);
                w.floats(self.values(*weight));
                w.floats(self.values(*bias));
                permute(w, y, &[2, 0, 1]).ok_or(no("its input is no map"))?
            }
            Op::Linear { weight, bias } => {
                let from = self.dims(input(0)?.0)?;
                let (features, out) = (from.last().copied().unwrap_or(1), dims.last().copied().unwrap_or(1));
                let rows: usize = from.iter().rev().skip(1).product();
                let flat = |last: usize| if from.len() == 1 { vec![last] } else { vec![rows, last] };
                let x = self.read(w, node, input(0)?, &flat(features))?;
                let values = self.values(*weight);
                let params = [(0, out as i64), (1, i64::from(bias.is_some())), (2, values.len() as i64)];
                let y =
                    w.layer("InnerProduct", &[x], &params.map(|(id, value)| (id, Int(value))), &flat(out));
                w.weights(values);
                if let Some(bias) = bias {
                    w.floats(self.values(*bias));
                }
                as_dims(w, y, &dims)
            }
            Op::Activation(act) => {
                let x = self.blob(w, node, input(0)?)?;
                elementwise(w, x, activation::layer(*act))
            }
            Op::Pool(kind, spec) => {
                let x = self.tensor(w, node, input(0)?)?;
                let params =
                    pool(*kind, spec, w.dims(x), &dims).ok_or(no("ncnn's pooling has no dilation"))?;
                w.layer("Pooling", &[x], &params, &dims)
            }
            Op::GlobalPool(kind) => {
                let x = self.tensor(w, node, input(0)?)?;
                w.layer("Pooling", &[x], &[(0, pooling(*kind)), (4, Int(1))], &dims[..1])
            }
            Op::Pad([left, right, top, bottom], value) => {
                let x = self.tensor(w, node, input(0)?)?;
                let sides = [top, bottom, left, right];
                let mut params: Vec<_> = (0..).zip(sides.map(|side| Int(*side as i64))).collect();
                params.extend([(4, Int(0)), (5, Float(*value))]);
                w.layer("Padding", &[x], &params, &dims)
            }
            Op::Add | Op::Mul => {
                let inputs = [self.aligned(w, place, input(0)?)?, self.aligned(w, place, input(1)?)?];
                let kind = if matches!(node.op, Op::Add) { 0 } else { 2 };
                w.layer("BinaryOp", &inputs, &[(0, Int(kind))], &dims)
            }
            Op::Affine { factor, offset } => {
                let mut y = self.blob(w, node, input(0)?)?;
                for (kind, number) in [(2, factor), (0, offset)] {
                    y = elementwise(
                        w,
                        y,
                        ("BinaryOp", vec![(0, Int(kind)), (1, Int(1)), (2, Float(*number))]),
                    );
                }
                y
            }
            Op::Concat { axis: along } => {
                let inputs = node.inputs.iter().map(|input| self.tensor(w, node, *input));
                let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
                w.layer("Concat", &inputs, &[(0, axis(*along)?)], &dims)
            }
            Op::Slice { axis: along, .. } => self.slice(w, place, input(0)?, axis(*along)?)?,
            Op::ChannelShuffle { groups } => {
                let x = self.tensor(w, node, input(0)?)?;
                w.layer("ShuffleChannel", &[x], &[(0, Int(*groups as i64)), (1, Int(0))], &dims)
            }
            Op::Upsample(scale, kind) => {
                let x = self.tensor(w, node, input(0)?)?;
                let kind = match kind {
                    Upsample::Nearest => 1,
                    Upsample::Bilinear => 2,
                };
                let scale = *scale as f64;
                let params = [(0, Int(kind)), (1, Float(scale)), (2, Float(scale)), (6, Int(0))];
                w.layer("Interp", &[x], &params, &dims)
            }
            Op::SpaceToDepth(size, order) => {
                let x = self.tensor(w, node, input(0)?)?;
                let y = w.layer("Reorg", &[x], &[(0, Int(*size as i64)), (1, Int(1))], &dims);
                turned(w, y, *size, *order)
            }
            Op::DepthToSpace(size, order) => {
                let x = self.tensor(w, node, input(0)?)?;
                let x = turned(w, x, *size, *order);
                w.layer("PixelShuffle", &[x], &[(0, Int(*size as i64)), (1, Int(1))], &dims)
            }
            Op::MatMul => {
                let inputs = [self.aligned(w, place, input(0)?)?, self.aligned(w, place, input(1)?)?];
                w.layer("MatMul", &inputs, &[], &dims)
            }
            Op::Softmax { axis: along } => {
                let x = self.tensor(w, node, input(0)?)?;
                w.layer("Softmax", &[x], &[(0, axis(*along)?), (1, Int(1))], &dims)
            }
            Op::Reshape(_) | Op::UnflattenLike => {
                self.dims(input(0)?.0)?;
                self.read(w, node, input(0)?, &dims)?
            }
            Op::Transpose(a, b) => {
                let x = self.tensor(w, node, input(0)?)?;
                let mut axes: Vec<usize> = (0..w.dims(x).len() + 1).collect();
                axes.swap(*a, *b);
                if axes[0] != 0 {
                    return Err(no(NO_BATCH));
                }
                let axes: Vec<usize> = axes[1..].iter().map(|axis| axis - 1).collect();
                permute(w, x, &axes).ok_or(no("ncnn has no such order of axes"))?
            }
            Op::Custom(custom) => {
                let operator = custom.onnx().and_then(activation::operator);
                let kind = operator.ok_or(no("ncnn has no layer for its ONNX operator, or it names none"))?;
                let x = self.blob(w, node, input(0)?)?;
                if node.inputs.len() != 1 {
                    return Err(no("its ONNX operator has one input"));
                }
                elementwise(w, x, kind)
            }
        })
    }

    /// Slices that share out an axis among them are one layer, as the halves of ShuffleNet's channels.
    fn slice(&mut self, w: &mut Writer, place: usize, input: ValueId, along: Param) -> Result<Blob, Error> {
        // The first of them has emitted the others.
        if let Some(blob) = self.blobs[place] {
            return Ok(blob);
        }
        let node = &self.graph.nodes[place];
        let Op::Slice { axis, start, length } = node.op else { return self.blob(w, node, input) };
        let x = self.tensor(w, node, input)?;
        let whole = self.shapes[input.0].get(axis).copied().unwrap_or_default();
        let nodes = self.graph.nodes.iter().enumerate();
        let mut parts: Vec<(usize, usize, usize)> = nodes
            .filter(|(_, other)| other.inputs == node.inputs)
            .filter_map(|(at, other)| {
                let Op::Slice { axis: same, start, length } = other.op else { return None };
                (same == axis).then_some((start, length, at))
            })
            .collect();
        parts.sort_unstable();
        let mut end = 0;
        let shared_out = parts.iter().all(|(start, length, _)| {
            let follows = *start == end;
            end += length;
            follows
        });
        if shared_out && end == whole && parts.len() > 1 {
            let lengths = parts.iter().map(|(_, length, _)| *length as i64).collect();
            let dims = parts.iter().map(|(.., at)| self.dims(*at)).collect::<Result<Vec<_>, _>>()?;
            let blobs = w.layers("Slice", &[x], &[(0, Ints(lengths)), (1, along)], &dims);
            for ((.., at), blob) in parts.iter().zip(blobs) {
                self.blobs[*at] = Some(blob);
            }
            return self.blob(w, node, ValueId(place));
        }
        let Int(along) = along else { return Ok(x) };
        let params = [(9, start), (10, start + length)].map(|(id, value)| (id, Ints(vec![value as i64])));
        let params = [&params[..], &[(11, Ints(vec![along]))]].concat();
        Ok(w.layer("Crop", &[x], &params, &self.dims(place)?))
    }
}

/// The parameters of a pooling, the border as wide as the last window needs; nothing with dilation, which ncnn lacks.
fn pool(kind: Pool, spec: &PoolSpec, from: &[usize], to: &[usize]) -> Option<Vec<(i32, Param)>> {
    if spec.dilation != [1, 1] {
        return None;
    }
    let end = |axis: usize| {
        let reach = (to[1 + axis] - 1) * spec.stride[axis] + spec.kernel[axis];
        match spec.ceil_mode {
            0 => spec.padding[axis],
            _ => reach.saturating_sub(from[1 + axis] + spec.padding[axis]),
        }
    };
    let mut params = vec![(0, pooling(kind))];
    let [height, width] = spec.kernel;
    let window = [(1, width), (11, height), (2, spec.stride[1]), (12, spec.stride[0])];
    let border = [(3, spec.padding[1]), (13, spec.padding[0]), (14, end(1)), (15, end(0))];
    params.extend(window.iter().chain(&border).map(|(id, value)| (*id, Int(*value as i64))));
    params.extend([(5, Int(1)), (6, Int(1))]); // the window's last place is rounded down, averages count the border
    Some(params)
}

fn pooling(kind: Pool) -> Param {
    match kind {
        Pool::Max => Int(0),
        Pool::Average => Int(1),
    }
}
