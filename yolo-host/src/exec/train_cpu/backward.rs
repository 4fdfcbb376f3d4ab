//! The reverse pass: every step turns the gradient of its output into those of its inputs and parameters. A tensor that
//! several steps read gets the sum of all of theirs.

use super::{Executor, Saved, Tensor};
use crate::exec::Error;
use crate::exec::plan::Step;
use crate::exec::primitive::{self, Reverse, map_sizes, to_rows};
use crate::graph::{Op, ParamId, ValueId, primitive};
use std::collections::BTreeSet;
use yolo_kernels::ConvFloat;
use yolo_kernels::ops::pool::global_backward;
use yolo_kernels::ops::strided::{add_assign, sum_pixels};
use yolo_kernels::train::norm;

/// The gradients on their way: one for each tensor that has received any.
struct Flow<'a, T> {
    grads: Vec<Option<Vec<T>>>,
    trainer: &'a mut Executor<T>,
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
    fn add(&mut self, value: usize, grad: Vec<T>) {
        match &mut self.grads[value] {
            Some(sum) => {
                add_assign(sum, &grad);
                self.trainer.pool.give(grad);
            }
            none => *none = Some(grad),
        }
    }

    /// Adds to the gradient of a parameter.
    fn add_param(&mut self, id: ParamId, grad: &[T]) {
        add_assign(&mut self.trainer.grads[id.0], grad);
    }

    fn take(&mut self, len: usize) -> Vec<T> {
        self.trainer.pool.take(len)
    }

    /// Runs one step back, which takes its gradient with it.
    fn step(&mut self, i: usize, mut grad: Vec<T>) -> Result<(), Error> {
        let step = self.trainer.steps[i].clone();
        let node = &self.trainer.graph.nodes[step.node];
        let (op, layer) = (node.op.clone(), node.layer);
        let missing = || Error::Missing { layer, op: op.name() };
        let input = || step.inputs.first().copied().ok_or_else(missing);
        match &op {
            Op::Input => self.trainer.pool.give(grad),
            Op::Parameter(id) => {
                let mut row_major = self.take(grad.len());
                to_rows(&grad, &self.trainer.shapes[step.output], &mut row_major);
                self.add_param(*id, &row_major);
                self.trainer.pool.give(row_major);
                self.trainer.pool.give(grad);
            }
            Op::Conv2d { weight, bias, .. } => {
                let Saved::Conv(conv) = std::mem::take(&mut self.trainer.saved[i]) else {
                    return Err(missing());
                };
                if let Some(bias) = bias {
                    self.add_param(*bias, &sum_pixels(&grad, self.trainer.shapes[step.output][1]));
                }
                // No other node has this weight.
                let mut dw = std::mem::take(&mut self.trainer.grads[weight.0]);
                let x = self.trainer.values[input()?].as_ref().ok_or_else(missing)?;
                conv.backward_weight(&x.data, &grad, &mut dw, &mut self.trainer.scratch);
                self.trainer.grads[weight.0] = dw;
                if self.wants(input()?) {
                    let mut dx = self.take(self.len(input()?));
                    let weight = &self.trainer.params[weight.0];
                    conv.backward_input(&grad, weight, &mut dx, &mut self.trainer.scratch);
                    self.add(input()?, dx);
                }
                self.trainer.pool.give(grad);
            }
            Op::BatchNorm { weight, bias, .. } => {
                let Saved::Norm(normal) = std::mem::take(&mut self.trainer.saved[i]) else {
                    return Err(missing());
                };
                let x = self.trainer.values[input()?].as_ref().ok_or_else(missing)?;
                let (dw, db) = norm::backward(&x.data, &normal, step.act, &mut grad);
                self.add_param(*weight, &dw);
                self.add_param(*bias, &db);
                self.give_or_add(input()?, grad);
            }
            Op::Pool(..) => {
                let Saved::Pooling(pooling, places) = std::mem::take(&mut self.trainer.saved[i]) else {
                    return Err(missing());
                };
                let mut dx = self.trainer.pool.zeros(self.len(input()?));
                pooling.backward(&grad, &places, &mut dx);
                self.trainer.saved[i] = Saved::Pooling(pooling, places);
                self.add(input()?, dx);
                self.trainer.pool.give(grad);
            }
            Op::GlobalPool(_) => {
                let Saved::Places(places) = std::mem::take(&mut self.trainer.saved[i]) else {
                    return Err(missing());
                };
                let (batch, _, channels) = map_sizes(&self.trainer.shapes[input()?]);
                let mut dx = self.take(self.len(input()?));
                global_backward(&places, &grad, batch, channels, &mut dx);
                self.add(input()?, dx);
                self.trainer.pool.give(grad);
            }
            Op::Custom(_) | primitive!() => {
                let grads = self.primitive(&op, layer, &step, grad)?;
                for (input, grad) in step.inputs.iter().zip(grads) {
                    if let Some(grad) = grad {
                        self.give_or_add(*input, grad);
                    }
                }
            }
        }
        Ok(())
    }

    /// The gradients of the inputs of an operation that keeps nothing but tensors of the graph.
    fn primitive(
        &mut self,
        op: &Op,
        layer: usize,
        step: &Step,
        grad: Vec<T>,
    ) -> Result<Vec<Option<Vec<T>>>, Error> {
        let Executor { values, shapes, params, grads, pool, flows, .. } = &mut *self.trainer;
        let inputs: Vec<Option<&Tensor<T>>> = step.inputs.iter().map(|id| values[*id].as_ref()).collect();
        let input_shapes: Vec<&[usize]> = step.inputs.iter().map(|id| shapes[*id].as_slice()).collect();
        let wanted: Vec<bool> = step.inputs.iter().map(|id| flows[*id]).collect();
        let mut nothing = None;
        let so_far = step.inputs.first().map_or(&mut nothing, |id| &mut self.grads[*id]);
        primitive::backward(
            op,
            layer,
            grad,
            Reverse {
                inputs: &inputs,
                output: values[step.output].as_ref(),
                shapes: &input_shapes,
                out_shape: &shapes[step.output],
                wanted: &wanted,
                so_far,
                params,
                param_grads: grads,
                pool,
            },
        )
    }

    fn give_or_add(&mut self, input: usize, grad: Vec<T>) {
        match self.wants(input) {
            true => self.add(input, grad),
            false => self.trainer.pool.give(grad),
        }
    }

    /// Elements of a tensor.
    fn len(&self, value: usize) -> usize {
        self.trainer.shapes[value].iter().product()
    }

    /// Whether a tensor's gradient leads to a parameter.
    fn wants(&self, value: usize) -> bool {
        self.trainer.flows[value]
    }
}
