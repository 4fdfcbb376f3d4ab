//! The reverse pass: every step turns the gradient of its output into those of its inputs and parameters. A tensor that
//! several steps read gets the sum of all of theirs, added in the order of the steps.

use super::activation::slope;
use super::ops::{self, Params, Reverse, missing};
use super::{Executor, Saved, custom, norm, pool, transfer, wide};
use crate::exec::Error;
use crate::graph::{Op, ParamId, ValueId, primitive};
use candle_core::{Result as Candle, Tensor};

/// The gradients on their way: one for each tensor that has received any.
struct Flow<'a> {
    grads: Vec<Option<Tensor>>,
    trainer: &'a mut Executor,
}

impl Executor {
    /// Sets the gradient of every parameter, given those of some tensors that were asked for, of the tensors' shapes.
    ///
    /// Fails without a forward pass in training before it, for a gradient of another shape or of a tensor that was not asked
    /// for, or if the device cannot.
    pub fn backward(&mut self, given: &[(ValueId, Tensor)]) -> Result<(), Error> {
        self.grads.fill(None);
        let mut flow = Flow { grads: vec![None; self.tensors.len()], trainer: self };
        for (id, grad) in given {
            flow.give(*id, grad)?;
        }
        for i in (0..flow.trainer.steps.len()).rev() {
            let step = &flow.trainer.steps[i];
            if let Some(grad) = flow.grads[step.output].take().filter(|_| step.trainable) {
                flow.step(i, &grad)?;
            }
            let Executor { steps, tensors, .. } = &mut *flow.trainer;
            steps[i].free_backward.iter().for_each(|value| tensors[*value] = None);
        }
        self.cast.fill(None);
        self.complete_grads()
    }
}

impl Flow<'_> {
    /// A gradient from outside.
    fn give(&mut self, id: ValueId, grad: &Tensor) -> Result<(), Error> {
        let node = &self.trainer.graph.nodes[id.0];
        let (layer, op) = (node.layer, node.op.name());
        let wanted = self.trainer.wanted.contains(&id);
        let shape = self.trainer.shapes.get(id.0).filter(|_| wanted);
        let shape = shape.ok_or(Error::Missing { layer, op })?;
        if shape != grad.dims() {
            let why = format!("a gradient {:?} was given for a tensor {shape:?}", grad.dims());
            return Err(Error::Candle { layer, op, source: why.into() });
        }
        let device = &self.trainer.device;
        let grad = grad
            .to_device(device)
            .and_then(|grad| grad.to_dtype(self.trainer.precision.maps())?.contiguous());
        let grad = grad.map_err(|source| transfer(device, source))?;
        sum(&mut self.grads[id.0], grad).map_err(|source| Error::Candle { layer, op, source: source.into() })
    }

    /// Runs one step back.
    fn step(&mut self, i: usize, grad: &Tensor) -> Result<(), Error> {
        let step = self.trainer.steps[i].clone();
        let node = &self.trainer.graph.nodes[step.node];
        let (op, layer) = (node.op.clone(), node.layer);
        let wanted: Vec<bool> = step.inputs.iter().map(|input| self.trainer.flows[*input]).collect();
        let failed =
            |source: candle_core::Error| Error::Candle { layer, op: op.name(), source: source.into() };
        let grads = if let Op::Custom(custom) = &op {
            let value = |value: &usize| self.trainer.tensors[*value].clone();
            let inputs: Option<Vec<Tensor>> = step.inputs.iter().map(value).collect();
            let (Some(inputs), Some(output)) = (inputs, value(&step.output)) else {
                return Err(Error::Missing { layer, op: op.name() });
            };
            custom::back(&**custom, &inputs, &output, grad, &wanted, layer)?
        } else {
            self.grads_of(i, &op, grad, &wanted).map_err(failed)?
        };
        for (input, grad) in step.inputs.iter().zip(grads) {
            if let Some(grad) = grad {
                sum(&mut self.grads[*input], grad).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// The gradients of the inputs, if wanted; those of parameters are added to theirs.
    fn grads_of(&mut self, i: usize, op: &Op, grad: &Tensor, wanted: &[bool]) -> Candle<Vec<Option<Tensor>>> {
        let step = &self.trainer.steps[i];
        let shape_of = |place: usize| self.trainer.shapes[step.inputs[place]].clone();
        let value = |id: usize| self.trainer.tensors[id].clone().ok_or_else(missing);
        let input = |place: usize| step.inputs.get(place).ok_or_else(missing).and_then(|id| value(*id));
        let act = step.act;
        Ok(match op {
            Op::Parameter(id) => {
                self.add(*id, grad.clone())?;
                vec![]
            }
            Op::Conv2d { weight, bias, .. } => {
                let Saved::Conv(conv) = &self.trainer.saved[i] else { return Err(missing()) };
                let dx = wanted[0].then(|| conv.backward_input(grad, self.cast(weight)?)).transpose()?;
                let dw = conv.backward_weight(&input(0)?, grad)?;
                self.add(*weight, dw)?;
                if let Some(bias) = bias {
                    self.add(*bias, wide(grad)?.sum_keepdim((0, 2, 3))?.flatten_all()?)?;
                }
                vec![dx]
            }
            Op::BatchNorm { weight, bias, .. } => {
                let x = input(0)?;
                let Saved::Norm(context, before) = std::mem::take(&mut self.trainer.saved[i]) else {
                    return Err(missing());
                };
                let grad = match (act, before) {
                    (Some(act), Some(before)) => (grad * slope(&before, act)?)?,
                    _ => grad.clone(),
                };
                let [dx, dw, db] = norm::backward(&wide(&x)?, &context, self.param(weight)?, &wide(&grad)?)?;
                self.add(*weight, dw)?;
                self.add(*bias, db)?;
                vec![wanted[0].then(|| dx.to_dtype(x.dtype())).transpose()?]
            }
            Op::Pool(_, spec) => {
                let shape = shape_of(0);
                let Saved::Pool(context) = std::mem::take(&mut self.trainer.saved[i]) else {
                    return Err(missing());
                };
                vec![Some(pool::backward(spec, &context, grad, &shape)?)]
            }
            Op::GlobalPool(_) => {
                let shape = shape_of(0);
                let Saved::Places(places) = std::mem::take(&mut self.trainer.saved[i]) else {
                    return Err(missing());
                };
                vec![Some(pool::global_backward(places.as_ref(), grad, &shape)?)]
            }
            primitive!() => {
                let inputs: Vec<Option<&Tensor>> =
                    step.inputs.iter().map(|id| self.trainer.tensors[*id].as_ref()).collect();
                let shapes: Vec<&[usize]> =
                    step.inputs.iter().map(|id| self.trainer.shapes[*id].as_slice()).collect();
                let params = Params { own: &self.trainer.params, cast: &self.trainer.cast };
                let output = self.trainer.tensors[step.output].as_ref();
                let reverse = Reverse { inputs: &inputs, output, shapes: &shapes, wanted, params };
                let grads = ops::backward(op, grad, reverse)?;
                for (id, grad) in grads.params {
                    self.add(id, grad)?;
                }
                grads.inputs
            }
            // The first is no step that trains, the second has a function of its own.
            Op::Input | Op::Custom(_) => return Err(missing()),
        })
    }

    fn param(&self, id: &ParamId) -> Candle<&Tensor> {
        self.trainer.params[id.0].as_ref().ok_or_else(missing)
    }

    /// A parameter in the numbers of maps.
    fn cast(&self, id: &ParamId) -> Candle<&Tensor> {
        self.trainer.cast[id.0].as_ref().ok_or_else(missing)
    }

    /// Adds to the gradient of a parameter.
    fn add(&mut self, id: ParamId, grad: Tensor) -> Candle<()> {
        let grad = grad.to_dtype(self.trainer.precision.parameters())?;
        sum(&mut self.trainer.grads[id.0], grad)
    }
}

fn sum(total: &mut Option<Tensor>, grad: Tensor) -> Candle<()> {
    *total = Some(match total.take() {
        Some(total) => (total + grad)?,
        None => grad,
    });
    Ok(())
}
