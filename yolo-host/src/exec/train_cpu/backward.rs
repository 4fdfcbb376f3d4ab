//! The reverse pass: every step turns the gradient of its output into those of its inputs and parameters. A tensor that
//! several steps read gets the sum of all of theirs.

use super::{Executor, Saved, Tensor};
use crate::exec::Error;
use crate::exec::primitive::{Ref, from_rows, map_sizes, to_rows};
use crate::exec::primitive::{axis_copy, matrix_sizes, rows, single};
use crate::graph::{CustomError, Op, ValueId, View};
use std::collections::BTreeSet;
use yolo_kernels::ConvFloat;
use yolo_kernels::ops::pool::global_backward;
use yolo_kernels::ops::strided::{add_assign, map, sum_pixels};
use yolo_kernels::ops::{activation as act, matrix};
use yolo_kernels::train::norm;

/// The gradients on their way: one for each tensor that has received any.
pub(super) struct Flow<'a, T> {
    pub(super) grads: Vec<Option<Vec<T>>>,
    pub(super) trainer: &'a mut Executor<T>,
}

impl<T: ConvFloat> Executor<T> {
    /// Sets the gradient of every parameter, given those of some tensors that were asked for, in memory's order.
    pub fn backward(&mut self, given: &[(ValueId, &[T])]) -> Result<(), Error> {
        rayon::scope(|_| self.backward_here(given))
    }

    fn backward_here(&mut self, given: &[(ValueId, &[T])]) -> Result<(), Error> {
        let convolutions: BTreeSet<usize> = self.convolutions().into_iter().map(|(id, _)| id).collect();
        for (id, grad) in self.grads.iter_mut().enumerate() {
            // That of a convolution's weight is overwritten, if there is any.
            if !convolutions.contains(&id) {
                grad.fill(T::zero());
            }
        }
        for (id, grad) in given {
            let needed = self.output(*id).map_or(0, |output| output.data.len());
            if grad.len() != needed || needed == 0 {
                return Err(Error::Length { what: "gradient of an output", given: grad.len(), needed });
            }
        }
        let mut flow = Flow { grads: vec![None; self.values.len()], trainer: self };
        for (id, grad) in given {
            let mut buffer = flow.trainer.pool.take(grad.len());
            buffer.copy_from_slice(grad);
            flow.add(id.0, buffer);
        }
        for i in (0..flow.trainer.steps.len()).rev() {
            let step = &flow.trainer.steps[i];
            if let Some(grad) = flow.grads[step.output].take() {
                match step.trainable {
                    true => flow.step(i, grad)?,
                    false => flow.trainer.pool.give(grad),
                }
            } else if let Op::Conv2d { weight, .. } = flow.trainer.graph.nodes[step.node].op {
                flow.trainer.grads[weight.0].fill(T::zero());
            }
            let free = std::mem::take(&mut flow.trainer.steps[i].free_backward);
            free.iter().for_each(|value| flow.trainer.free(*value));
            flow.trainer.steps[i].free_backward = free;
        }
        Ok(())
    }
}

impl<T: ConvFloat> Flow<'_, T> {
    /// Adds to the gradient of a tensor.
    pub(super) fn add(&mut self, value: usize, grad: Vec<T>) {
        match &mut self.grads[value] {
            Some(sum) => {
                add_assign(sum, &grad);
                self.trainer.pool.give(grad);
            }
            none => *none = Some(grad),
        }
    }

    /// Adds to the gradient of a parameter.
    fn add_param(&mut self, id: crate::graph::ParamId, grad: &[T]) {
        add_assign(&mut self.trainer.grads[id.0], grad);
    }

    pub(super) fn take(&mut self, len: usize) -> Vec<T> {
        self.trainer.pool.take(len)
    }

    /// Runs one step back, which takes its gradient with it.
    fn step(&mut self, i: usize, mut grad: Vec<T>) -> Result<(), Error> {
        let step = self.trainer.steps[i].clone();
        let node = &self.trainer.graph.nodes[step.node];
        let (op, layer) = (node.op.clone(), node.layer);
        let shapes: Vec<Vec<usize>> = self.shapes(&step.inputs);
        let wants: Vec<bool> = step.inputs.iter().map(|input| self.wants(*input)).collect();
        let out_shape = self.trainer.shapes[step.output].clone();
        let missing = || Error::Missing { layer, op: op.name() };
        if let Op::Parameter(id) = &op {
            let mut row_major = self.take(grad.len());
            to_rows(&grad, &out_shape, &mut row_major);
            self.add_param(*id, &row_major);
            self.trainer.pool.give(row_major);
            self.trainer.pool.give(grad);
            return Ok(());
        }
        let (Some(&input), Some(shape)) = (step.inputs.first(), shapes.first()) else {
            return Err(missing());
        };
        let size = shape.iter().product::<usize>();
        match &op {
            Op::Conv2d { weight, bias, .. } => {
                let Saved::Conv(conv) = std::mem::take(&mut self.trainer.saved[i]) else {
                    return Err(missing());
                };
                if let Some(bias) = bias {
                    self.add_param(*bias, &sum_pixels(&grad, out_shape[1]));
                }
                // No other node has this weight.
                let mut dw = std::mem::take(&mut self.trainer.grads[weight.0]);
                let x = self.trainer.values[input].as_ref().ok_or_else(missing)?;
                conv.backward_weight(&x.data, &grad, &mut dw, &mut self.trainer.scratch);
                self.trainer.grads[weight.0] = dw;
                if wants[0] {
                    let mut dx = self.take(size);
                    let weight = &self.trainer.params[weight.0];
                    conv.backward_input(&grad, weight, &mut dx, &mut self.trainer.scratch);
                    self.add(input, dx);
                }
                self.trainer.pool.give(grad);
            }
            Op::BatchNorm { weight, bias, .. } => {
                let Saved::Norm(normal) = std::mem::take(&mut self.trainer.saved[i]) else {
                    return Err(missing());
                };
                let x = self.trainer.values[input].as_ref().ok_or_else(missing)?;
                let (dw, db) = norm::backward(&x.data, &normal, step.act, &mut grad);
                self.add_param(*weight, &dw);
                self.add_param(*bias, &db);
                self.give_or_add(input, wants[0], grad);
            }
            Op::Activation(kind) => {
                let x = self.trainer.values[input].as_ref().ok_or_else(missing)?;
                act::backward(*kind, &x.data, &mut grad);
                self.give_or_add(input, wants[0], grad);
            }
            Op::Pool(..) => {
                let Saved::Pooling(pooling, places) = std::mem::take(&mut self.trainer.saved[i]) else {
                    return Err(missing());
                };
                let mut dx = self.trainer.pool.zeros(size);
                pooling.backward(&grad, &places, &mut dx);
                self.trainer.saved[i] = Saved::Pooling(pooling, places);
                self.add(input, dx);
                self.trainer.pool.give(grad);
            }
            Op::GlobalPool(_) => {
                let Saved::Places(places) = std::mem::take(&mut self.trainer.saved[i]) else {
                    return Err(missing());
                };
                let (batch, _, channels) = map_sizes(shape);
                let mut dx = self.take(size);
                global_backward(&places, &grad, batch, channels, &mut dx);
                self.add(input, dx);
                self.trainer.pool.give(grad);
            }
            Op::Add => {
                // The last of equal shape takes the gradient itself.
                let heir = (0..step.inputs.len()).rfind(|i| wants[*i] && shapes[*i] == out_shape);
                for i in (0..step.inputs.len()).filter(|i| wants[*i] && Some(*i) != heir) {
                    let dx = self.reduced(&grad, &out_shape, &shapes[i]);
                    self.add(step.inputs[i], dx);
                }
                match heir {
                    Some(i) => self.add(step.inputs[i], grad),
                    None => self.trainer.pool.give(grad),
                }
            }
            Op::Mul => self.multiply(&step.inputs, &shapes, &wants, &out_shape, grad).ok_or_else(missing)?,
            Op::Affine { factor, .. } => {
                let factor = T::of(*factor);
                let mut dx = self.take(size);
                map(&grad, &mut dx, |g| g * factor);
                self.add(input, dx);
                self.trainer.pool.give(grad);
            }
            Op::Concat { axis } => {
                let mut place = 0;
                for (i, (input, shape)) in step.inputs.iter().zip(&shapes).enumerate() {
                    if wants[i] {
                        let mut dx = self.take(shape.iter().product());
                        axis_copy(&out_shape, *axis, place, shape[*axis]).copy(&grad, &mut dx);
                        self.add(*input, dx);
                    }
                    place += shape[*axis];
                }
                self.trainer.pool.give(grad);
            }
            Op::Slice { axis, start, length } => {
                // Into the place in one gradient of the whole: other slices of the tensor add to theirs.
                let mut dx = match self.grads[input].take() {
                    Some(dx) => dx,
                    None => self.trainer.pool.zeros(size),
                };
                axis_copy(shape, *axis, *start, *length).reversed().add(&grad, &mut dx);
                self.grads[input] = Some(dx);
                self.trainer.pool.give(grad);
            }
            Op::Custom(custom) => {
                let failed = |source: CustomError| Error::Custom { layer, source };
                let value = |value: &usize| self.trainer.values[*value].as_ref().map(|x| single(x.view()));
                let values: Option<Vec<Vec<f32>>> = step.inputs.iter().map(value).collect();
                let (values, output) =
                    (values.ok_or_else(missing)?, value(&step.output).ok_or_else(missing)?);
                let views: Vec<View> =
                    shapes.iter().map(Vec::as_slice).zip(values.iter().map(Vec::as_slice)).collect();
                let given = single(Ref { shape: &out_shape, data: &grad });
                let grads = custom.backward(&views, (&out_shape, &output), &given, &wants).map_err(failed)?;
                for ((input, shape), dx) in step.inputs.iter().zip(&shapes).zip(grads) {
                    if !dx.is_empty() {
                        let dx: Vec<T> = dx.into_iter().map(|value| T::of(value.into())).collect();
                        let mut buffer = self.take(dx.len());
                        from_rows(&dx, shape, &mut buffer);
                        self.add(*input, buffer);
                    }
                }
            }
            Op::MatMul => {
                let (a, b) = (self.value(step.inputs[0])?, self.value(step.inputs[1])?);
                let [m, k, n] = matrix_sizes(a.view(), b.view());
                let (a_rows, b_rows) = (rows(a.view()), rows(b.view()));
                let given = rows(Ref { shape: &out_shape, data: &grad });
                let mut da = vec![T::zero(); a_rows.len()];
                matrix::product(&given, &matrix::transposed(&b_rows, k, n), &mut da, [m, n, k]);
                // One b may serve every pair: its gradient is the sum.
                let mut db = vec![T::zero(); given.len() / (m * n) * k * n];
                matrix::product(&matrix::transposed(&a_rows, m, k), &given, &mut db, [k, m, n]);
                let mut sum = vec![T::zero(); b_rows.len()];
                db.chunks_exact(b_rows.len()).for_each(|part| add_assign(&mut sum, part));
                for (i, dx) in [da, sum].into_iter().enumerate().filter(|(i, _)| wants[*i]) {
                    let mut buffer = self.take(dx.len());
                    from_rows(&dx, &shapes[i], &mut buffer);
                    self.add(step.inputs[i], buffer);
                }
            }
            Op::Linear { weight, bias } => {
                let x = self.value(input)?;
                let x = rows(x.view());
                let [features, n] = [shape[shape.len() - 1], out_shape[out_shape.len() - 1]];
                let given = rows(Ref { shape: &out_shape, data: &grad });
                let count = x.len() / features;
                if let Some(bias) = bias {
                    self.add_param(*bias, &sum_pixels(&given, n));
                }
                let mut dw = vec![T::zero(); n * features];
                matrix::product(&matrix::transposed(&given, count, n), &x, &mut dw, [n, count, features]);
                self.add_param(*weight, &dw);
                if wants[0] {
                    let mut dx = vec![T::zero(); x.len()];
                    matrix::product(&given, &self.trainer.params[weight.0], &mut dx, [count, n, features]);
                    let mut buffer = self.take(size);
                    from_rows(&dx, shape, &mut buffer);
                    self.add(input, buffer);
                }
            }
            _ => {
                let mut dx = self.take(size);
                self.moved(&op, step.output, shape, &out_shape, &grad, &mut dx)?;
                self.add(input, dx);
                self.trainer.pool.give(grad);
            }
        }
        Ok(())
    }

    fn give_or_add(&mut self, input: usize, wanted: bool, grad: Vec<T>) {
        match wanted {
            true => self.add(input, grad),
            false => self.trainer.pool.give(grad),
        }
    }

    fn shapes(&self, inputs: &[usize]) -> Vec<Vec<usize>> {
        inputs.iter().map(|input| self.trainer.shapes[*input].clone()).collect()
    }

    pub(super) fn value(&self, value: usize) -> Result<Tensor<T>, Error> {
        self.trainer.values[value].clone().ok_or(Error::Missing { layer: 0, op: "a saved tensor" })
    }

    /// Whether a tensor's gradient leads to a parameter.
    fn wants(&self, value: usize) -> bool {
        self.trainer.flows[value]
    }
}
