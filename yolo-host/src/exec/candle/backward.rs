//! The reverse pass: every step turns the gradient of its output into those of its inputs and parameters. A tensor that
//! several steps read gets the sum of all of theirs, added in the order of the steps.

use super::{Executor, Saved, act, moves, norm, pool, wide};
use super::{custom, transfer};
use crate::exec::Error;
use crate::graph::{Op, ParamId, ValueId};
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
        let (act, output) = (step.act, step.output);
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
                    (Some(act), Some(before)) => (grad * act::slope(&before, act)?)?,
                    _ => grad.clone(),
                };
                let [dx, dw, db] = norm::backward(&wide(&x)?, &context, self.param(weight)?, &wide(&grad)?)?;
                self.add(*weight, dw)?;
                self.add(*bias, db)?;
                vec![wanted[0].then(|| dx.to_dtype(x.dtype())).transpose()?]
            }
            Op::Linear { weight, bias } => {
                let x = input(0)?;
                let last = |x: &Tensor| x.dim(candle_core::D::Minus1);
                let (rows, xs) = (grad.reshape(((), last(grad)?))?, x.reshape(((), last(&x)?))?);
                let dx = || rows.matmul(self.cast(weight)?)?.reshape(x.dims());
                let dx = wanted[0].then(dx).transpose()?;
                self.add(*weight, rows.t()?.matmul(&xs)?)?;
                if let Some(bias) = bias {
                    self.add(*bias, wide(&rows)?.sum_keepdim(0)?.flatten_all()?)?;
                }
                vec![dx]
            }
            Op::Activation(kind) => vec![Some((grad * act::slope(&input(0)?, *kind)?)?)],
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
            Op::Add => {
                let one = |(place, wanted): (usize, &bool)| {
                    wanted.then(|| moves::reduced(grad, &shape_of(place))).transpose()
                };
                wanted.iter().enumerate().map(one).collect::<Candle<_>>()?
            }
            Op::Mul => {
                let one = |(place, wanted): (usize, &bool)| {
                    let dx = || moves::reduced(&grad.broadcast_mul(&input(1 - place)?)?, &shape_of(place));
                    wanted.then(dx).transpose()
                };
                wanted.iter().take(2).enumerate().map(one).collect::<Candle<_>>()?
            }
            Op::Concat { axis } => {
                let mut place = 0;
                let mut grads = Vec::with_capacity(wanted.len());
                for (input, wanted) in wanted.iter().enumerate() {
                    let length = shape_of(input)[*axis];
                    let part = || grad.narrow(*axis, place, length)?.contiguous();
                    grads.push(wanted.then(part).transpose()?);
                    place += length;
                }
                grads
            }
            Op::MatMul => {
                let (a, b) = (input(0)?, input(1)?);
                let da = || grad.broadcast_matmul(&b.t()?.contiguous()?);
                // One b may serve every pair: its gradient is the sum.
                let db = || moves::reduced(&a.t()?.contiguous()?.matmul(grad)?, b.dims());
                vec![wanted[0].then(da).transpose()?, wanted[1].then(db).transpose()?]
            }
            Op::Softmax { axis } => {
                // y · (g − Σ g·y)
                let (y, given) = (wide(&value(output)?)?, wide(grad)?);
                let inner = (&given * &y)?.sum_keepdim(*axis)?;
                vec![Some((given.broadcast_sub(&inner)? * y)?.to_dtype(grad.dtype())?)]
            }
            Op::UnflattenLike => vec![Some(grad.reshape(shape_of(0))?), None],
            _ => vec![Some(moves::backward(op, grad, &shape_of(0))?)],
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

fn missing() -> candle_core::Error {
    candle_core::Error::msg("what the forward pass in training keeps for it is not there")
}
