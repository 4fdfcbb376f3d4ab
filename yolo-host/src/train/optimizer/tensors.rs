//! Steps on the device that holds the parameters: nothing of them passes over the host.

use super::{BETA2, EPS, Optimizer, Rates, Update};
use crate::graph::ParamId;
use candle_core::{Result, Tensor};

impl Optimizer<Option<Tensor>> {
    /// Moves parameters, given with their values and gradients, along the gradients.
    ///
    /// Fails if the device does.
    pub fn step<'a>(
        &mut self,
        params: impl Iterator<Item = (ParamId, &'a mut Tensor, &'a Tensor)>,
        rates: &Rates,
    ) -> Result<()> {
        let moving = self.next(params.map(|(id, value, grad)| (id, (value, grad))), rates);
        for (update, (value, grad), [first, second]) in moving {
            let moved = update.of(value, grad, first, second)?;
            *value = moved;
        }
        Ok(())
    }
}

impl Update {
    /// The parameter after the step.
    fn of(
        &self,
        value: &Tensor,
        grad: &Tensor,
        first: &mut Option<Tensor>,
        second: &mut Option<Tensor>,
    ) -> Result<Tensor> {
        let with = |factor: f64| match factor {
            0.0 => Ok(grad.clone()),
            factor => grad + scaled(value, factor)?,
        };
        match *self {
            Update::Sgd { rate, momentum, decay } => {
                let grad = with(decay)?;
                let moving = match first.take() {
                    Some(moving) => (scaled(&moving, momentum)? + &grad)?,
                    None => grad.clone(),
                };
                let towards = (grad + scaled(&moving, momentum)?)?;
                *first = Some(moving);
                value - scaled(&towards, rate)?
            }
            Update::Adam { step, root, beta1, shrink, added } => {
                let grad = with(added)?;
                let new = scaled(&grad, 1.0 - beta1)?;
                let m = match first.take() {
                    Some(m) => (scaled(&m, beta1)? + new)?,
                    None => new,
                };
                let new = scaled(&grad.sqr()?, 1.0 - BETA2)?;
                let v = match second.take() {
                    Some(v) => (scaled(&v, BETA2)? + new)?,
                    None => new,
                };
                let towards = (scaled(&m, step)? / v.sqrt()?.affine(1.0 / root, EPS)?)?;
                (*first, *second) = (Some(m), Some(v));
                if shrink == 1.0 { value - towards } else { scaled(value, shrink)? - towards }
            }
        }
    }
}

fn scaled(x: &Tensor, factor: f64) -> Result<Tensor> {
    x.affine(factor, 0.0)
}
