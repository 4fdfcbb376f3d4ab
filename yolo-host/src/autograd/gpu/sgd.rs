//! Stochastic gradient descent with Nesterov momentum, on the device that holds the parameters.

use super::Trainer;
use crate::autograd::{Error, transfer};
use crate::graph::{Graph, ParamId};
use candle_core::{Result as Candle, Tensor};

/// How far a parameter moves, and how much it shrinks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Learning rate.
    pub rate: f64,
    /// Weight decay, which is added to the gradient.
    pub decay: f64,
}

/// The momentum of every parameter.
#[derive(Debug)]
pub struct Sgd {
    /// None before the first step.
    momentum: Vec<Option<Tensor>>,
}

impl Sgd {
    /// An optimiser for a graph.
    pub fn new(graph: &Graph) -> Self {
        Sgd { momentum: vec![None; graph.params.len()] }
    }

    /// Moves the parameters along their gradients; one without a pace stays as it is.
    ///
    /// Fails if the device does.
    pub fn step(
        &mut self,
        trainer: &mut Trainer,
        momentum: f64,
        pace: impl Fn(ParamId) -> Option<Pace>,
    ) -> Result<(), Error> {
        let device = trainer.device().clone();
        for (id, value, grad) in trainer.trainable() {
            let Some(Pace { rate, decay }) = pace(id) else { continue };
            let moving = &mut self.momentum[id.0];
            let mut moved = || -> Candle<Tensor> {
                let grad = if decay == 0.0 { grad.clone() } else { (grad + value.affine(decay, 0.0)?)? };
                let new = match moving.as_ref() {
                    Some(moving) => (moving.affine(momentum, 0.0)? + &grad)?,
                    None => grad.clone(),
                };
                let towards = (grad + new.affine(momentum, 0.0)?)?;
                *moving = Some(new);
                &*value - towards.affine(rate, 0.0)?
            };
            *value = moved().map_err(|source| transfer(&device, source))?;
        }
        Ok(())
    }
}
