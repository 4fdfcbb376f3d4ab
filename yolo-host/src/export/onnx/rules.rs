//! One rule an operation.

use super::super::Error;
use super::super::calibration::{is_map, stages};
use super::activation::activation;
use super::moves::{gather, ints, pad, slice, transpose};
use super::operators::since;
use super::writer::{Value, Writer};
use crate::exec::engine::fold::{Kind, Unit};
use crate::graph::{ConvSpec, Graph, Node, Op, Order, ParamId, Pool, PoolSpec, Upsample, ValueId};
use crate::model::State;

/// What the rules need of the network.
#[derive(Debug)]
pub struct Rules<'a> {
    /// Operations.
    pub graph: &'a Graph,
    /// Their values.
    pub state: &'a State,
    /// Every node's shape for the input that is asked for.
    pub shapes: &'a [Vec<usize>],
    /// Whether batch, height and width are free.
    pub dynamic: bool,
    /// The name of every tensor that was emitted, by its node.
    pub names: Vec<Option<String>>,
    /// The nodes whose maps the names of tensors are, those inside of units among them.
    pub maps: Vec<(String, ValueId)>,
}

impl Rules<'_> {
    /// Emits a unit; its tensor can then be read.
    ///
    /// # Errors
    /// What this operator set has no rule for.
    pub fn emit(&mut self, w: &mut Writer, unit: &Unit) -> Result<(), Error> {
        let node = &self.graph.nodes[unit.node];
        w.scope = format!("model.{}", node.layer);
        let [convolved, activated, _] = stages(self.graph, unit);
        let name = match &unit.kind {
            Kind::Conv { start, input, spec, weight, bias, act, shortcut } => {
                let x = self.name(node, *input)?;
                let y = self.conv(w, *start, &x, spec, weight, bias);
                self.map(&y, convolved);
                let y = act.map_or(y.clone(), |act| activation(w, act, &y));
                self.map(&y, activated);
                match shortcut {
                    Some(other) => w.node("Add", &[&y, &self.name(node, *other)?], &[]),
                    None => y,
                }
            }
            Kind::Scale { input, scale, act } => {
                let y = w.node("Mul", &[&self.name(node, *input)?, &self.name(node, *scale)?], &[]);
                self.map(&y, convolved);
                act.map_or(y.clone(), |act| activation(w, act, &y))
            }
            Kind::Other => self.operation(w, unit.node)?,
        };
        self.map(&name, unit.node);
        self.names[unit.node] = Some(name);
        Ok(())
    }

    fn map(&mut self, name: &str, node: usize) {
        if is_map(self.graph, node) {
            self.maps.push((name.into(), ValueId(node)));
        }
    }

    fn name(&self, node: &Node, value: ValueId) -> Result<String, Error> {
        let missing = || Error::Missing { layer: node.layer, op: node.op.name() };
        self.names[value.0].clone().ok_or_else(missing)
    }

    /// A parameter by its own name.
    fn parameter(&self, w: &mut Writer, id: ParamId) -> String {
        let param = &self.graph.params[id.0];
        w.floats(&param.name, &param.shape, self.state.floats(id))
    }

    /// A convolution with batch norm in it, or a linear layer.
    fn conv(
        &self,
        w: &mut Writer,
        start: usize,
        x: &str,
        spec: &ConvSpec,
        weight: &[f32],
        bias: &[f32],
    ) -> String {
        let node = &self.graph.nodes[start];
        let module = self.graph.module(ValueId(start)).unwrap_or(&w.scope).to_string();
        let cin = weight.len() / (spec.out_channels * spec.kernel[0] * spec.kernel[1]).max(1);
        let bias = w.floats(&format!("{module}.bias"), &[bias.len()], bias);
        if node.shape.len() != 4 {
            let transposed: Vec<f32> =
                (0..cin).flat_map(|i| (0..spec.out_channels).map(move |o| weight[o * cin + i])).collect();
            let weight = w.floats(&format!("{module}.weight"), &[cin, spec.out_channels], &transposed);
            let y = w.node("MatMul", &[x, &weight], &[]);
            return w.node("Add", &[&y, &bias], &[]);
        }
        let shape = [spec.out_channels, cin, spec.kernel[0], spec.kernel[1]];
        let weight = w.floats(&format!("{module}.weight"), &shape, weight);
        let attributes = [
            ("dilations", ints(&spec.dilation)),
            ("group", Value::Int(spec.groups as i64)),
            ("kernel_shape", ints(&spec.kernel)),
            ("pads", ints(&[spec.padding, spec.padding].concat())),
            ("strides", ints(&spec.stride)),
        ];
        w.node("Conv", &[x, &weight, &bias], &attributes)
    }

    /// Everything that is no convolution.
    fn operation(&self, w: &mut Writer, place: usize) -> Result<String, Error> {
        let node = &self.graph.nodes[place];
        let (layer, op) = (node.layer, node.op.name());
        let inputs =
            node.inputs.iter().map(|input| self.name(node, *input)).collect::<Result<Vec<_>, _>>()?;
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let x = inputs.first().copied().unwrap_or_default();
        let shape = |i: usize| node.inputs.get(i).map_or(&[][..], |input| self.shapes[input.0].as_slice());
        Ok(match &node.op {
            // The graph's input is there from the beginning.
            Op::Input => return Err(Error::Missing { layer, op }),
            Op::Parameter(id) => self.parameter(w, *id),
            Op::Conv2d { .. } => return Err(Error::NoRule { layer, op, why: "it was not folded" }),
            Op::BatchNorm { weight, bias, mean, var } => {
                let [weight, bias, mean, var] = [weight, bias, mean, var].map(|id| self.parameter(w, *id));
                let eps = ("epsilon", Value::Float(crate::graph::BATCH_NORM_EPS));
                w.node("BatchNormalization", &[x, &weight, &bias, &mean, &var], &[eps])
            }
            Op::LayerNorm { weight, bias, eps } => {
                if w.opset < 17 {
                    return Err(Error::OldOpset { layer, op, opset: w.opset, needed: 17 });
                }
                let [weight, bias] = [weight, bias].map(|id| self.parameter(w, *id));
                let y = transpose(w, x, &[0, 2, 3, 1]);
                let attributes = [("axis", Value::Int(-1)), ("epsilon", Value::Float(*eps))];
                let y = w.node("LayerNormalization", &[&y, &weight, &bias], &attributes);
                transpose(w, &y, &[0, 3, 1, 2])
            }
            Op::Linear { weight, bias } => {
                let weight = self.parameter(w, *weight);
                let weight = transpose(w, &weight, &[1, 0]);
                let y = w.node("MatMul", &[x, &weight], &[]);
                match bias {
                    Some(id) => {
                        let bias = self.parameter(w, *id);
                        w.node("Add", &[&y, &bias], &[])
                    }
                    None => y,
                }
            }
            Op::Activation(act) => activation(w, *act, x),
            Op::Pool(kind, spec) => self.pool(w, x, *kind, spec, shape(0), &self.shapes[place]),
            Op::GlobalPool(Pool::Average) => w.node("GlobalAveragePool", &[x], &[]),
            Op::GlobalPool(Pool::Max) => w.node("GlobalMaxPool", &[x], &[]),
            Op::Pad(sides, value) => pad(w, x, *sides, *value),
            Op::Add => w.node("Add", &inputs, &[]),
            Op::Mul => w.node("Mul", &inputs, &[]),
            Op::Affine { factor, offset } => {
                let (factor, offset) = (w.float(*factor), w.float(*offset));
                let y = w.node("Mul", &[x, &factor], &[]);
                w.node("Add", &[&y, &offset], &[])
            }
            Op::Concat { axis } => w.node("Concat", &inputs, &[("axis", Value::Int(*axis as i64))]),
            Op::Slice { axis, start, length } => slice(w, x, *axis, *start, start + length, 1),
            Op::ChannelShuffle { groups } => self.shuffle(w, x, *groups, shape(0)),
            Op::Upsample(scale, kind) => {
                let name = format!("{}/scales", w.scope);
                let half = std::mem::take(&mut w.half); // scales have 32 bits always
                let scales = w.floats(&name, &[4], &[1.0, 1.0, *scale as f32, *scale as f32]);
                w.half = half;
                let attributes: &[(&str, Value)] = match kind {
                    Upsample::Nearest => &[
                        ("coordinate_transformation_mode", Value::Text("asymmetric")),
                        ("mode", Value::Text("nearest")),
                        ("nearest_mode", Value::Text("floor")),
                    ],
                    Upsample::Bilinear => &[
                        ("coordinate_transformation_mode", Value::Text("half_pixel")),
                        ("mode", Value::Text("linear")),
                    ],
                };
                w.node("Resize", &[x, "", &scales], attributes)
            }
            Op::SpaceToDepth(size, Order::Rows) => {
                w.node("SpaceToDepth", &[x], &[("blocksize", Value::Int(*size as i64))])
            }
            // As upstream's Focus, which compilers know.
            Op::SpaceToDepth(size, Order::Columns) => {
                let parts: Vec<String> = (0..size * size)
                    .map(|part| {
                        let rows = slice(w, x, 2, part % size, usize::MAX, *size);
                        slice(w, &rows, 3, part / size, usize::MAX, *size)
                    })
                    .collect();
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                w.node("Concat", &parts, &[("axis", Value::Int(1))])
            }
            Op::DepthToSpace(size, order) => {
                let channels = shape(0).get(1).map_or(0, |c| c / (size * size).max(1));
                let x = match order {
                    Order::Rows => x.to_string(),
                    Order::Columns => {
                        let rows = (0..size * size).flat_map(|part| {
                            let first = (part % size * size + part / size) * channels;
                            first..first + channels
                        });
                        gather(w, x, rows.map(|channel| channel as i64).collect())
                    }
                };
                let attributes = [("blocksize", Value::Int(*size as i64)), ("mode", Value::Text("DCR"))];
                w.node("DepthToSpace", &[&x], &attributes)
            }
            Op::MatMul => w.node("MatMul", &inputs, &[]),
            Op::Softmax { axis } => w.node("Softmax", &[x], &[("axis", Value::Int(*axis as i64))]),
            Op::Reshape(to) => {
                let to = w.ints(to);
                w.node("Reshape", &[x, &to], &[])
            }
            Op::Transpose(a, b) => {
                let mut axes: Vec<i64> = (0..shape(0).len() as i64).collect();
                axes.swap(*a, *b);
                transpose(w, x, &axes)
            }
            Op::UnflattenLike => {
                let like = inputs.get(1).copied().unwrap_or_default();
                let to = match (self.dynamic, self.shapes[place].as_slice()) {
                    (false, [_, _, height, width]) => w.ints(&[0, 0, *height as i64, *width as i64]),
                    _ => {
                        let of = w.node("Shape", &[like], &[]);
                        let sides = slice(w, &of, 0, 2, 4, 1);
                        let kept = w.ints(&[0, 0]);
                        w.node("Concat", &[&kept, &sides], &[("axis", Value::Int(0))])
                    }
                };
                w.node("Reshape", &[x, &to], &[])
            }
            Op::Custom(custom) => {
                let lacks = |why| Error::NoRule { layer, op, why };
                let operator = custom.onnx().ok_or(lacks("its plugin names no ONNX operator"))?;
                let unknown = lacks(
                    "ONNX has no operator of the name that its plugin gives, or not without attributes",
                );
                match since(operator).ok_or(unknown)? {
                    needed if needed > w.opset => {
                        return Err(Error::OldOpset { layer, op, opset: w.opset, needed });
                    }
                    _ => w.node(operator, &inputs, &[]),
                }
            }
        })
    }

    /// Where the size is fixed, the border says where the last window ends: readers differ in what they make of `ceil_mode`.
    fn pool(
        &self,
        w: &mut Writer,
        x: &str,
        kind: Pool,
        spec: &PoolSpec,
        from: &[usize],
        to: &[usize],
    ) -> String {
        let end = |axis: usize| match (self.dynamic, from.get(2 + axis), to.get(2 + axis)) {
            (false, Some(from), Some(to)) if spec.ceil_mode != 0 => {
                let reach = (to - 1) * spec.stride[axis] + spec.dilation[axis] * (spec.kernel[axis] - 1) + 1;
                reach.saturating_sub(from + spec.padding[axis])
            }
            _ => spec.padding[axis],
        };
        let mut pads = [spec.padding[0], spec.padding[1], end(0), end(1)];
        let mut x = x.to_string();
        // ONNX Runtime takes no border of a whole window; with dilation the last one may need it.
        if pads.iter().zip(spec.kernel.iter().cycle()).any(|(pad, kernel)| pad >= kernel) {
            let [top, left, bottom, right] = pads;
            x = pad(w, &x, [left, right, top, bottom], f64::NEG_INFINITY);
            pads = [0; 4];
        }
        let x = x.as_str();
        let shared =
            [("kernel_shape", ints(&spec.kernel)), ("pads", ints(&pads)), ("strides", ints(&spec.stride))];
        match kind {
            Pool::Average => {
                w.node("AveragePool", &[x], &[&shared[..], &[("count_include_pad", Value::Int(1))]].concat())
            }
            Pool::Max => {
                let ceil = Value::Int(i64::from(self.dynamic && spec.ceil_mode != 0));
                let more = [("ceil_mode", ceil), ("dilations", ints(&spec.dilation))];
                w.node("MaxPool", &[x], &[&shared[..], &more].concat())
            }
        }
    }

    /// As PyTorch's reshape, transpose and reshape, which compilers know.
    fn shuffle(&self, w: &mut Writer, x: &str, groups: usize, shape: &[usize]) -> String {
        let [_, c, h, width] = *shape else { return x.to_string() };
        if self.dynamic {
            let split = w.ints(&[0, groups as i64, (c / groups) as i64, -1]);
            let y = w.node("Reshape", &[x, &split], &[]);
            let y = transpose(w, &y, &[0, 2, 1, 3]);
            let joined = w.node("Shape", &[x], &[]);
            return w.node("Reshape", &[&y, &joined], &[]);
        }
        let split = w.ints(&[0, groups, c / groups, h, width].map(|size| size as i64));
        let joined = w.ints(&[0, c, h, width].map(|size| size as i64));
        let y = w.node("Reshape", &[x, &split], &[]);
        let y = transpose(w, &y, &[0, 2, 1, 3, 4]);
        w.node("Reshape", &[&y, &joined], &[])
    }
}
