//! What a training needs of the device that it runs on: passes, steps, averages, and everything that a resume must find
//! again. Only this folder knows which device it is.

mod cpu;
#[cfg(feature = "candle")]
mod fitting;
#[cfg(feature = "candle")]
mod gpu;

use super::check::moving;
use super::{Ema, Optimizer, Options, Rates};
#[cfg(feature = "candle")]
use crate::exec::Precision;
use crate::exec::{self, Device, Error, Images, Network};
use crate::graph::{ParamId, ValueId};
use crate::model::{Model, State};
use crate::raw_map::RawMap;

/// A set of numbers, one list a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// Parameters and buffers.
    Weights,
    /// Their averages.
    Averages,
    /// The optimiser's momentum or first moment …
    First,
    /// … and second one.
    Second,
    /// Gradients that wait for a step.
    Waiting,
}

impl Set {
    /// With the names that they have in a state file.
    pub const ALL: [(&str, Set); 5] = [
        ("weights", Set::Weights),
        ("ema", Set::Averages),
        ("first", Set::First),
        ("second", Set::Second),
        ("sum", Set::Waiting),
    ];
}

/// A network in training on some device. Everything may fail as the device does.
pub(super) trait TrainStep {
    /// Runs it in training on images of the shape `[batch, channels, height, width]`.
    fn forward(&mut self, images: Images, shape: [usize; 4]) -> Result<(), Error>;

    /// The raw maps of the last pass.
    fn outputs(&self) -> Result<Vec<RawMap<'_>>, Error>;

    /// Runs it back from the gradients of those maps, which lie as they do.
    fn backward(&mut self, grads: &[Vec<f32>]) -> Result<(), Error>;

    /// Keeps the gradients of the last pass for a later step.
    fn wait(&mut self) -> Result<(), Error>;

    /// Forgets gradients that wait.
    fn forget(&mut self);

    /// Moves the parameters along these gradients and those that wait, and the averages after the parameters.
    fn step(&mut self, rates: &Rates) -> Result<(), Error>;

    /// Whether weights and averages are.
    fn is_finite(&self) -> Result<bool, Error>;

    /// A network with the averages.
    fn averaged(&mut self) -> Result<&mut dyn Network, Error>;

    /// A network with these numbers, row-major; a list that is empty leaves the averages.
    fn with(&mut self, values: &[Vec<f32>]) -> Result<&mut dyn Network, Error>;

    /// A parameter's numbers for the host, row-major; an empty list where there are none.
    fn get(&self, set: Set, id: ParamId) -> Result<Vec<f32>, Error>;

    /// Puts back what [`Self::get`] gave.
    fn set(&mut self, set: Set, id: ParamId, values: &[f32]) -> Result<(), Error>;
}

/// On the device that the options name; `counts` are the optimiser's steps and the averages' updates so far.
pub(super) fn train_step(
    options: &Options,
    model: &Model,
    state: &State,
    counts: [u64; 2],
) -> Result<Box<dyn TrainStep>, Error> {
    let graph = &model.graph;
    let outputs: &[ValueId] = &model.detect.outputs;
    Ok(match options.device {
        Device::Cpu => {
            let executor = exec::train_cpu::Executor::<f32>::new(graph, state, outputs)?;
            let averaged = cpu::AveragesEngine::new(graph, state, outputs);
            let averages = Ema::new(executor.values());
            Box::new(Parts::new(executor, averaged, averages, options, model, counts))
        }
        #[cfg(not(feature = "candle"))]
        _ => return Err(Error::WithoutCuda),
        #[cfg(feature = "candle")]
        device => {
            let device = device.candle()?;
            let network = |precision| exec::candle::Executor::new(graph, state, outputs, &device, precision);
            // Averages are validated in f32: the eight bits of bf16 would show in the metrics.
            let executor = network(if options.amp { Precision::Bf16 } else { Precision::Tf32 })?;
            let averaged = network(Precision::Tf32)?;
            let averages = Ema::new(executor.values());
            Box::new(Parts::new(executor, averaged, averages, options, model, counts))
        }
    })
}

/// On the CPU, whose memory is no measure: more makes no step faster.
const BATCH_ON_CPU: usize = 16;

/// The batch for these options, of at most so many images.
pub(super) fn largest_batch(
    options: &Options,
    model: &Model,
    state: &State,
    images: usize,
) -> Result<usize, Error> {
    match options.device {
        Device::Cpu => Ok(images.clamp(1, BATCH_ON_CPU)),
        #[cfg(feature = "candle")]
        _ => fitting::largest_batch(options, model, state, images),
        #[cfg(not(feature = "candle"))]
        _ => {
            let _ = (model, state);
            Err(Error::WithoutCuda)
        }
    }
}

/// A train_step of networks `N` whose parameters are lists or tensors `V`.
struct Parts<N, E, V> {
    executor: N,
    /// Runs the averages.
    averaged: E,
    optimizer: Optimizer<V>,
    averages: Ema<V>,
    /// Gradients of the batches since the last step.
    waiting: Vec<V>,
}

impl<N, E, V: Clone + Default> Parts<N, E, V> {
    fn new(
        executor: N,
        averaged: E,
        mut averages: Ema<V>,
        options: &Options,
        model: &Model,
        [steps, updates]: [u64; 2],
    ) -> Self {
        let mut optimizer = Optimizer::new(options.optimizer, &model.graph);
        for (i, moves) in moving(options, model).into_iter().enumerate() {
            if !moves {
                optimizer.freeze(ParamId(i));
            }
        }
        (optimizer.steps, averages.updates) = (steps, updates);
        let waiting = vec![V::default(); model.graph.params.len()];
        Parts { executor, averaged, optimizer, averages, waiting }
    }
}
