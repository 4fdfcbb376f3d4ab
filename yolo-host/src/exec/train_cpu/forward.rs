//! The forward pass.

use super::{Executor, Saved, Tensor};
use crate::exec::Error;
use crate::exec::plan::Step;
use crate::exec::primitive::{self, Ref, from_rows, map_sizes};
use crate::graph::{BATCH_NORM_EPS, BATCH_NORM_MOMENTUM, Op, primitive};
use yolo_kernels::ops::pool::{Pooling, global_forward};
use yolo_kernels::train::norm::{self, Normal, Statistics};
use yolo_kernels::{Conv, ConvFloat, ConvShape, Window};

impl<T: ConvFloat> Executor<T> {
    /// Runs the network on images `[batch, channels, height, width]`, planes one after the other. In training batch norm
    /// takes the statistics of the batch and moves its running ones.
    pub fn forward(&mut self, images: &[T], shape: [usize; 4], training: bool) -> Result<(), Error> {
        enough(images, shape)?;
        self.pass(shape, &|y| from_rows(images, &shape, y), training, true)
    }

    /// Runs the network in evaluation mode, keeping only the tensors that were asked for: no reverse pass can follow.
    pub fn infer(&mut self, images: &[T], shape: [usize; 4]) -> Result<(), Error> {
        enough(images, shape)?;
        self.pass(shape, &|y| from_rows(images, &shape, y), false, false)
    }

    /// One pass on images of this shape, which `fill` writes channels-last into the input. Without `keep` only the tensors
    /// that were asked for are left.
    pub(super) fn pass(
        &mut self,
        shape: [usize; 4],
        fill: &(dyn Fn(&mut [T]) + Sync),
        training: bool,
        keep: bool,
    ) -> Result<(), Error> {
        // On a thread of the pool: another one would be put to sleep and woken for every operation.
        rayon::scope(|_| self.forward_here(shape, fill, training, keep))
    }

    fn forward_here(
        &mut self,
        shape: [usize; 4],
        fill: &(dyn Fn(&mut [T]) + Sync),
        training: bool,
        keep: bool,
    ) -> Result<(), Error> {
        let shapes = self.graph.shapes(&shape)?;
        self.clear();
        for i in 0..self.steps.len() {
            let step = &self.steps[i];
            let (node, output) = (step.node, step.output);
            let mut buffer = self.pool.take(shapes[output].iter().product());
            if matches!(self.graph.nodes[node].op, Op::Input) {
                fill(&mut buffer);
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
                    window: Window::from(spec),
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
            Op::Pool(kind, spec) => {
                let window = Window::from(spec);
                let (input, output) = ([x.shape[2], x.shape[3]], [shape[2], shape[3]]);
                let pooling = Pooling::new(*kind, x.shape[0], input, output, x.shape[1], &window);
                let before = std::mem::take(&mut self.saved[step]);
                let mut places = if let Saved::Pooling(_, places) = before { places } else { vec![] };
                pooling.forward(&x.data, y, &mut places);
                saved = Saved::Pooling(pooling, places);
            }
            Op::GlobalPool(kind) => {
                let (batch, _, channels) = map_sizes(&x.shape);
                saved = Saved::Places(global_forward(*kind, &x.data, batch, channels, y));
            }
            Op::Custom(_) | primitive!() => {
                let inputs: Vec<Ref<T>> = inputs.iter().map(|x| x.view()).collect();
                primitive::forward(op, layer, &inputs, &self.params, shape, y)?;
            }
            Op::Input | Op::Parameter(_) => return Err(missing()),
        }
        self.saved[step] = saved;
        Ok(())
    }
}

/// Fails if there are not so many numbers as the shape says.
fn enough<T>(images: &[T], shape: [usize; 4]) -> Result<(), Error> {
    let (given, needed) = (images.len(), shape.iter().product());
    if given == needed { Ok(()) } else { Err(Error::Length { what: "images", given, needed }) }
}

/// running = (1 − momentum) · running + momentum · factor · new
fn moved<T: ConvFloat>(running: &mut [T], new: &[f64], factor: f64) {
    for (running, new) in running.iter_mut().zip(new) {
        *running = T::of((1.0 - BATCH_NORM_MOMENTUM) * running.f64() + BATCH_NORM_MOMENTUM * factor * new);
    }
}
