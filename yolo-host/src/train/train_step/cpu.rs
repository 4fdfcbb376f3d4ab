//! On the CPU, by this crate's kernels: lists in the kernels' order.

use super::{Parts, Set, TrainStep};
use crate::exec::engine::Engine;
use crate::exec::train_cpu::Executor;
use crate::exec::{Error, Images, Network};
use crate::graph::{Graph, ParamId, ValueId};
use crate::model::State;
use crate::raw_map::RawMap;
use crate::train::Rates;
use rayon::prelude::*;

/// The engine, made anew for each validation: its weights are packed.
pub(super) struct AveragesEngine {
    graph: Graph,
    outputs: Vec<ValueId>,
    /// Values that are not learned.
    state: State,
    engine: Option<Engine>,
}

impl AveragesEngine {
    /// For networks that begin with this state.
    pub(super) fn new(graph: &Graph, state: &State, outputs: &[ValueId]) -> Self {
        AveragesEngine { graph: graph.clone(), outputs: outputs.to_vec(), state: state.clone(), engine: None }
    }

    /// An engine with these numbers, row-major, one list a parameter.
    fn with(&mut self, values: impl Iterator<Item = Vec<f32>>) -> &mut Engine {
        self.engine = None; // its memory first
        let mut state = self.state.clone();
        for (i, values) in values.enumerate() {
            state.set_floats(ParamId(i), values);
        }
        self.engine.insert(Engine::new(&self.graph, state, &self.outputs))
    }
}

impl TrainStep for Parts<Executor<f32>, AveragesEngine, Vec<f32>> {
    fn forward(&mut self, images: Images, shape: [usize; 4]) -> Result<(), Error> {
        self.averaged.engine = None; // a step needs the memory more
        self.executor.forward_images(images, shape, true)
    }

    fn outputs(&self) -> Result<Vec<RawMap<'_>>, Error> {
        Network::outputs(&self.executor)
    }

    fn backward(&mut self, grads: &[Vec<f32>]) -> Result<(), Error> {
        let outputs: Vec<ValueId> = self.executor.wanted().to_vec();
        let given: Vec<_> = outputs.into_iter().zip(grads.iter().map(Vec::as_slice)).collect();
        self.executor.backward(&given)
    }

    fn wait(&mut self) -> Result<(), Error> {
        let grads: Vec<&mut [f32]> = self.executor.grads_mut().collect();
        self.waiting.par_iter_mut().zip(grads).for_each(|(sum, grad)| match sum.is_empty() {
            true => sum.extend_from_slice(grad),
            false => sum.iter_mut().zip(grad).for_each(|(sum, grad)| *sum += *grad),
        });
        Ok(())
    }

    fn forget(&mut self) {
        self.waiting.iter_mut().for_each(Vec::clear);
    }

    fn step(&mut self, rates: &Rates) -> Result<(), Error> {
        let grads: Vec<&mut [f32]> = self.executor.grads_mut().collect();
        self.waiting.par_iter_mut().zip(grads).for_each(|(sum, grad)| {
            grad.iter_mut().zip(sum.iter()).for_each(|(grad, sum)| *grad += sum);
            sum.clear();
        });
        self.optimizer.step(self.executor.trainable(), rates);
        self.averages.update(self.executor.values());
        Ok(())
    }

    fn is_finite(&self) -> Result<bool, Error> {
        let finite = |values: &Vec<f32>| values.iter().fold(true, |all, value| all & value.is_finite());
        Ok(self.executor.values().iter().chain(&self.averages.values).all(finite))
    }

    fn averaged(&mut self) -> Result<&mut dyn Network, Error> {
        self.with(&[])
    }

    fn with(&mut self, values: &[Vec<f32>]) -> Result<&mut dyn Network, Error> {
        let executor = &self.executor;
        let averages = self.averages.values.iter().enumerate();
        let chosen = averages.map(|(i, averages)| match values.get(i) {
            Some(values) if !values.is_empty() => values.clone(),
            _ => executor.row_major(ParamId(i), averages),
        });
        Ok(self.averaged.with(chosen))
    }

    fn get(&self, set: Set, id: ParamId) -> Result<Vec<f32>, Error> {
        let values = match set {
            Set::Weights => self.executor.values(),
            Set::Averages => &self.averages.values,
            Set::First => &self.optimizer.moments[0],
            Set::Second => &self.optimizer.moments[1],
            Set::Waiting => &self.waiting,
        };
        Ok(match values[id.0].as_slice() {
            [] => vec![],
            values => self.executor.row_major(id, values),
        })
    }

    fn set(&mut self, set: Set, id: ParamId, values: &[f32]) -> Result<(), Error> {
        let values = self.executor.in_kernel_order(id, values);
        let place = match set {
            Set::Weights => {
                if let Some(place) = self.executor.values_mut().nth(id.0).filter(|p| p.len() == values.len())
                {
                    place.copy_from_slice(&values);
                }
                return Ok(());
            }
            Set::Averages => &mut self.averages.values,
            Set::First => &mut self.optimizer.moments[0],
            Set::Second => &mut self.optimizer.moments[1],
            Set::Waiting => &mut self.waiting,
        };
        place[id.0] = values;
        Ok(())
    }
}
