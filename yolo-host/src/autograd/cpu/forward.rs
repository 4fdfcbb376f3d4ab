//! The forward pass.

use super::tensor::{broadcast_steps, from_rows, logical_strides, map_sizes, order, physical, to_rows};
use super::{Saved, Tensor, Trainer};
use crate::autograd::Error;
use crate::autograd::plan::Step;
use crate::graph::{BATCH_NORM_EPS, BATCH_NORM_MOMENTUM, CustomError, Op, Order, Upsample, View};
use crate::kernels::norm::{self, Normal, Statistics};
use crate::kernels::pool::{Pooling, global_forward};
use crate::kernels::shape::{AxisCopy, gather, map, scale_channels, zip};
use crate::kernels::{Conv, ConvShape, Float, Window, act, matrix, resize};

impl<T: Float> Trainer<T> {
    /// Runs the network on pictures `[batch, channels, height, width]`, planes one after the other. In training batch norm
    /// takes the statistics of the batch and moves its running ones.
    pub fn forward(&mut self, pictures: &[T], shape: [usize; 4], training: bool) -> Result<(), Error> {
        // On a thread of the pool: another one would be put to sleep and woken for every operation.
        rayon::scope(|_| self.forward_here(pictures, shape, training, true))
    }

    /// The same in evaluation mode, keeping only the tensors that were asked for: no reverse pass can follow.
    pub fn infer(&mut self, pictures: &[T], shape: [usize; 4]) -> Result<(), Error> {
        rayon::scope(|_| self.forward_here(pictures, shape, false, false))
    }

    fn forward_here(
        &mut self,
        pictures: &[T],
        shape: [usize; 4],
        training: bool,
        keep: bool,
    ) -> Result<(), Error> {
        let shapes = self.graph.shapes(&shape)?;
        let (given, needed) = (pictures.len(), shape.iter().product());
        if given != needed {
            return Err(Error::Length { what: "pictures", given, needed });
        }
        self.clear();
        for i in 0..self.steps.len() {
            let step = &self.steps[i];
            let (node, output) = (step.node, step.output);
            let mut buffer = self.pool.take(shapes[output].iter().product());
            if matches!(self.graph.nodes[node].op, Op::Input) {
                from_rows(pictures, &shape, &mut buffer);
            } else {
                self.run(i, &shapes[output], &mut buffer, training)?;
            }
            self.values[output] = Some(Tensor { shape: shapes[output].clone(), data: buffer });
            let free = match (training, keep) {
                (true, _) => self.steps[i].free_forward.clone(),
                (false, true) => vec![],
                (false, false) => self.steps[i].free_inference.clone(),
            };
            free.into_iter().for_each(|value| self.free(value));
        }
        self.shapes = shapes;
        self.batches += i64::from(training);
        Ok(())
    }

    /// Gives all tensors of the last pass back.
    fn clear(&mut self) {
        for value in 0..self.values.len() {
            self.free(value);
        }
    }

    pub(super) fn free(&mut self, value: usize) {
        if let Some(tensor) = self.values[value].take() {
            self.pool.give(tensor.data);
        }
    }

    /// Computes one step into `y`.
    fn run(&mut self, step: usize, shape: &[usize], y: &mut [T], training: bool) -> Result<(), Error> {
        let Step { node, inputs, act, .. } = &self.steps[step];
        let (op, layer) = (&self.graph.nodes[*node].op, self.graph.nodes[*node].layer);
        let missing = || Error::Missing { layer, op: op.name() };
        let inputs: Option<Vec<&Tensor<T>>> =
            inputs.iter().map(|input| self.values[*input].as_ref()).collect();
        let inputs = inputs.ok_or_else(missing)?;
        if let Op::Parameter(id) = op {
            from_rows(&self.params[id.0], shape, y);
            return Ok(());
        }
        let x = *inputs.first().ok_or_else(missing)?;
        let mut saved = Saved::Nothing;
        match op {
            Op::Conv2d { spec, weight, bias } => {
                let conv = Conv::new(&ConvShape {
                    batch: x.shape[0],
                    input: [x.shape[2], x.shape[3]],
                    output: [shape[2], shape[3]],
                    cin: x.shape[1],
                    cout: shape[1],
                    window: Window {
                        kernel: spec.kernel,
                        stride: spec.stride,
                        padding: spec.padding,
                        dilation: spec.dilation,
                    },
                    groups: spec.groups,
                });
                let bias = bias.map(|bias| self.params[bias.0].as_slice());
                conv.forward(&x.data, &self.params[weight.0], bias, y, &mut self.scratch);
                saved = Saved::Conv(conv);
            }
            Op::BatchNorm { weight, bias, mean, var } => {
                let statistics = match training {
                    true => norm::statistics(&x.data, x.shape[1]),
                    false => Statistics {
                        mean: self.params[mean.0].iter().map(|value| value.f64()).collect(),
                        var: self.params[var.0].iter().map(|value| value.f64()).collect(),
                    },
                };
                let (weight, bias) = (&self.params[weight.0], &self.params[bias.0]);
                let normal = Normal::new(&statistics, BATCH_NORM_EPS, weight, bias);
                norm::forward(&x.data, &normal, *act, y);
                if training {
                    let count = (x.data.len() / x.shape[1]) as f64;
                    if count < 2.0 {
                        return Err(Error::OneValue { layer });
                    }
                    let (mean, var) = (mean.0, var.0);
                    let unbiased = count / (count - 1.0);
                    moved(&mut self.params[mean], &statistics.mean, 1.0);
                    moved(&mut self.params[var], &statistics.var, unbiased);
                    saved = Saved::Norm(normal);
                }
            }
            Op::Activation(act) => act::forward(*act, &x.data, y),
            Op::Pool(kind, spec) => {
                let window = Window {
                    kernel: spec.kernel,
                    stride: spec.stride,
                    padding: spec.padding,
                    dilation: spec.dilation,
                };
                let (input, output) = ([x.shape[2], x.shape[3]], [shape[2], shape[3]]);
                let pooling = Pooling::new(*kind, x.shape[0], input, output, x.shape[1], &window);
                let mut places = match std::mem::take(&mut self.saved[step]) {
                    Saved::Pooling(_, places) => places,
                    _ => vec![],
                };
                pooling.forward(&x.data, y, &mut places);
                saved = Saved::Pooling(pooling, places);
            }
            Op::GlobalPool(kind) => {
                let (batch, _, channels) = map_sizes(&x.shape);
                saved = Saved::Places(global_forward(*kind, &x.data, batch, channels, y));
            }
            Op::Pad(border, constant) => resize::pad(&x.data, &x.shape, *border, T::of(*constant), y),
            Op::Add => binary(&inputs, shape, y, |a, b| a + b),
            Op::Mul => multiply(&inputs, shape, y),
            Op::Affine { factor, offset } => {
                let (factor, offset) = (T::of(*factor), T::of(*offset));
                map(&x.data, y, |x| x * factor + offset);
            }
            Op::Concat { axis } => {
                let mut place = 0;
                for x in &inputs {
                    axis_copy(shape, *axis, place, x.shape[*axis]).reversed().copy(&x.data, y);
                    place += x.shape[*axis];
                }
            }
            Op::Slice { axis, start, length } => {
                axis_copy(&x.shape, *axis, *start, *length).copy(&x.data, y);
            }
            Op::ChannelShuffle { groups } => {
                resize::permute(&x.data, y, &resize::shuffle(x.shape[1], *groups))
            }
            Op::Upsample(scale, Upsample::Nearest) => {
                let (sizes, steps) = resize::nearest(&x.shape, *scale);
                gather(&x.data, y, &sizes, &steps);
            }
            Op::Upsample(scale, Upsample::Bilinear) => resize::bilinear(&x.data, &x.shape, *scale, y),
            Op::SpaceToDepth(size, order) => {
                let (sizes, steps) = resize::space_to_depth(&x.shape, *size, *order == Order::Rows);
                gather(&x.data, y, &sizes, &steps);
            }
            Op::DepthToSpace(size, order) => {
                let (sizes, steps) = resize::depth_to_space(&x.shape, *size, *order == Order::Rows);
                gather(&x.data, y, &sizes, &steps);
            }
            Op::Linear { weight, bias } => {
                let [features, n] = [x.shape[x.shape.len() - 1], shape[shape.len() - 1]];
                let rows = rows(x);
                let transposed = matrix::transposed(&self.params[weight.0], n, features);
                let mut out = vec![T::zero(); y.len()];
                matrix::product(&rows, &transposed, &mut out, [rows.len() / features, features, n]);
                if let Some(bias) = bias {
                    let bias = &self.params[bias.0];
                    out.chunks_exact_mut(n)
                        .for_each(|row| row.iter_mut().zip(bias).for_each(|(y, b)| *y += *b));
                }
                from_rows(&out, shape, y);
            }
            Op::MatMul => {
                let b = *inputs.get(1).ok_or_else(missing)?;
                let sizes = matrix_sizes(x, b);
                let mut out = vec![T::zero(); y.len()];
                matrix::product(&rows(x), &rows(b), &mut out, sizes);
                from_rows(&out, shape, y);
            }
            Op::Softmax { axis } => {
                let last = moved_last(&x.shape, *axis);
                let (mut rows, mut out) = (vec![T::zero(); y.len()], vec![T::zero(); y.len()]);
                gather(&x.data, &mut rows, &last.0, &last.1);
                matrix::softmax(&rows, &mut out, x.shape[*axis]);
                scatter(&out, y, &last);
            }
            Op::Reshape(_) | Op::UnflattenLike => from_rows(&rows(x), shape, y),
            Op::Transpose(a, b) => {
                let mut steps = logical_strides(&x.shape);
                steps.swap(*a, *b);
                let steps: Vec<usize> = order(shape.len()).into_iter().map(|axis| steps[axis]).collect();
                gather(&x.data, y, &physical(shape), &steps);
            }
            Op::Custom(custom) => {
                let failed = |source: CustomError| Error::Custom { layer, source };
                let values: Vec<Vec<f32>> = inputs.iter().map(|x| single(x)).collect();
                let views: Vec<View> =
                    inputs.iter().map(|x| x.shape.as_slice()).zip(values.iter().map(Vec::as_slice)).collect();
                let out = custom.forward(&views, shape).map_err(failed)?;
                let out: Vec<T> = out.into_iter().map(|value| T::of(value.into())).collect();
                from_rows(&out, shape, y);
            }
            Op::Input | Op::Parameter(_) => return Err(missing()),
        }
        self.saved[step] = saved;
        Ok(())
    }
}

/// running = (1 − momentum) · running + momentum · factor · new
fn moved<T: Float>(running: &mut [T], new: &[f64], factor: f64) {
    for (running, new) in running.iter_mut().zip(new) {
        *running = T::of((1.0 - BATCH_NORM_MOMENTUM) * running.f64() + BATCH_NORM_MOMENTUM * factor * new);
    }
}

/// A tensor row-major.
pub(super) fn rows<T: Float>(x: &Tensor<T>) -> Vec<T> {
    let mut out = vec![T::zero(); x.data.len()];
    to_rows(&x.data, &x.shape, &mut out);
    out
}

/// The same in single precision, as custom operations see it.
pub(super) fn single<T: Float>(x: &Tensor<T>) -> Vec<f32> {
    rows(x).into_iter().map(|value| value.f64() as f32).collect()
}

/// From a part of an axis of a tensor of `shape` to the whole axis of a smaller one.
pub(super) fn axis_copy(shape: &[usize], axis: usize, start: usize, length: usize) -> AxisCopy {
    let place = order(shape.len()).iter().position(|other| *other == axis).unwrap_or(0);
    let sizes = physical(shape);
    AxisCopy {
        outer: sizes[..place].iter().product(),
        inner: sizes[place + 1..].iter().product(),
        from: (sizes[place], start),
        to: (length, 0),
        length,
    }
}

/// Rows, depth and columns of a matrix product.
pub(super) fn matrix_sizes<T>(a: &Tensor<T>, b: &Tensor<T>) -> [usize; 3] {
    let size = |x: &Tensor<T>, back: usize| x.shape[x.shape.len() - back];
    [size(a, 2), size(a, 1), size(b, 1)]
}

/// Sizes and steps that read a tensor with `axis` last.
pub(super) fn moved_last(shape: &[usize], axis: usize) -> (Vec<usize>, Vec<usize>) {
    let own = logical_strides(shape);
    let axes = (0..shape.len()).filter(|other| *other != axis).chain([axis]);
    axes.map(|axis| (shape[axis], own[axis])).unzip()
}

/// The reverse of a gather whose places do not repeat.
pub(super) fn scatter<T: Float>(src: &[T], dst: &mut [T], (sizes, steps): &(Vec<usize>, Vec<usize>)) {
    dst.fill(T::zero());
    crate::kernels::shape::scatter_add(src, dst, sizes, steps);
}

/// f(a, b) with broadcasting.
fn binary<T: Float>(
    inputs: &[&Tensor<T>],
    shape: &[usize],
    y: &mut [T],
    f: impl Fn(T, T) -> T + Sync + Send,
) {
    let [a, b] = inputs else { return };
    let wide = |x: &Tensor<T>| {
        let (sizes, steps) = broadcast_steps(&x.shape, shape);
        let mut out = vec![T::zero(); shape.iter().product()];
        gather(&x.data, &mut out, &sizes, &steps);
        out
    };
    match (a.shape == shape, b.shape == shape) {
        (true, true) => zip(&a.data, &b.data, y, f),
        (true, false) => zip(&a.data, &wide(b), y, f),
        (false, true) => zip(&wide(a), &b.data, y, f),
        (false, false) => zip(&wide(a), &wide(b), y, f),
    }
}

/// Whether `scale` has one number for each channel of each picture of `x`.
pub(super) fn scales<T>(x: &Tensor<T>, scale: &Tensor<T>) -> bool {
    x.shape.len() == 4
        && scale.shape.len() == 4
        && scale.shape[..2] == x.shape[..2]
        && scale.shape[2..] == [1, 1]
}

fn multiply<T: Float>(inputs: &[&Tensor<T>], shape: &[usize], y: &mut [T]) {
    match inputs {
        [x, scale] | [scale, x] if x.shape == shape && scales(x, scale) => {
            scale_channels(&x.data, &scale.data, shape[0], shape[1], y);
        }
        _ => binary(inputs, shape, y, |a, b| a * b),
    }
}
