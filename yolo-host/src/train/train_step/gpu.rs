//! On candle tensors, which stay on their device: the host sees images, maps with their gradients, and checkpoints.

use super::{Parts, Set, TrainStep};
use crate::exec::candle::Executor;
use crate::exec::{Error, Images, Network};
use crate::graph::{ParamId, ValueId};
use crate::raw_map::RawMap;
use crate::train::Rates;
use candle_core::Tensor;

type Values = Option<Tensor>;

impl TrainStep for Parts<Executor, Executor, Values> {
    fn forward(&mut self, images: Images, shape: [usize; 4]) -> Result<(), Error> {
        let images = self.executor.images(images, shape)?;
        self.executor.forward(&images, true)
    }

    fn outputs(&self) -> Result<Vec<RawMap<'_>>, Error> {
        Network::outputs(&self.executor)
    }

    fn backward(&mut self, grads: &[Vec<f32>]) -> Result<(), Error> {
        let given = |(id, grad): (&ValueId, &Vec<f32>)| {
            let output = self.executor.output(*id).map(|output| output.dims().to_vec());
            let [n, c, h, w] = output.as_deref().unwrap_or_default() else {
                return Err(Error::Length { what: "gradient of an output", given: grad.len(), needed: 0 });
            };
            let grad = self.executor.to_device(grad, &[*n, *h, *w, *c])?;
            let grad = grad
                .permute((0, 3, 1, 2))
                .map_err(|source| self.executor.failed("the gradients of the maps", source))?;
            Ok((*id, grad))
        };
        let given: Vec<(ValueId, Tensor)> =
            self.executor.wanted().iter().zip(grads).map(given).collect::<Result<_, _>>()?;
        self.executor.backward(&given)
    }

    fn wait(&mut self) -> Result<(), Error> {
        for (sum, grad) in self.waiting.iter_mut().zip(self.executor.grads()) {
            let with = add(grad.as_ref(), sum.as_ref());
            *sum = with.map_err(|source| self.executor.failed("summing gradients", source))?;
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.waiting.fill(None);
    }

    fn step(&mut self, rates: &Rates) -> Result<(), Error> {
        let mut step = || {
            for (grad, sum) in self.executor.grads_mut().iter_mut().zip(&mut self.waiting) {
                *grad = add(grad.as_ref(), sum.take().as_ref())?;
            }
            self.optimizer.step(self.executor.trainable(), rates)?;
            self.averages.update(self.executor.values())
        };
        step().map_err(|source| self.executor.failed("a step of the optimiser", source))
    }

    fn is_finite(&self) -> Result<bool, Error> {
        self.executor.are_finite(self.executor.values().iter().chain(&self.averages.values).flatten())
    }

    fn averaged(&mut self) -> Result<&mut dyn Network, Error> {
        // Tensors do not change: this copies handles.
        self.averaged.values_mut().clone_from_slice(&self.averages.values);
        Ok(&mut self.averaged)
    }

    fn with(&mut self, values: &[Vec<f32>]) -> Result<&mut dyn Network, Error> {
        self.averaged()?;
        for (i, values) in values.iter().enumerate().filter(|(_, values)| !values.is_empty()) {
            self.averaged.values_mut()[i] = self.placed(ParamId(i), values)?;
        }
        Ok(&mut self.averaged)
    }

    fn get(&self, set: Set, id: ParamId) -> Result<Vec<f32>, Error> {
        let values = match set {
            Set::Weights => self.executor.values(),
            Set::Averages => &self.averages.values,
            Set::First => &self.optimizer.moments[0],
            Set::Second => &self.optimizer.moments[1],
            Set::Waiting => &self.waiting,
        };
        values[id.0].as_ref().map_or(Ok(vec![]), |x| self.executor.to_host(x))
    }

    fn set(&mut self, set: Set, id: ParamId, values: &[f32]) -> Result<(), Error> {
        let tensor = self.placed(id, values)?;
        let place = match set {
            Set::Weights => self.executor.values_mut(),
            Set::Averages => &mut self.averages.values,
            Set::First => &mut self.optimizer.moments[0],
            Set::Second => &mut self.optimizer.moments[1],
            Set::Waiting => &mut self.waiting,
        };
        place[id.0] = tensor;
        Ok(())
    }
}

impl Parts<Executor, Executor, Values> {
    /// Values of a parameter on the device.
    fn placed(&self, id: ParamId, values: &[f32]) -> Result<Values, Error> {
        self.executor.to_device(values, &self.executor.graph().params[id.0].shape).map(Some)
    }
}

fn add(a: Option<&Tensor>, b: Option<&Tensor>) -> candle_core::Result<Values> {
    match (a, b) {
        (Some(a), Some(b)) => (a + b).map(Some),
        (one, other) => Ok(one.or(other).cloned()),
    }
}
