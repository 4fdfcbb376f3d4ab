//! Inference on the CPU: a graph becomes a program of fused steps once, is fitted to each size of images, and runs in
//! memory that it keeps.

mod compile;
pub(crate) mod fold;
mod layout;
mod memory_plan;
mod profile;
mod program;
mod ranges;
mod run;

use crate::exec::error::check_precision;
use crate::exec::{Error, Images, Network, Precision};
use crate::graph::{Graph, ValueId};
use crate::model::State;
use crate::raw_map::RawMap;
use memory_plan::MemoryPlan;
pub use profile::{Profile, Spread, Step};
use program::Program;
use ranges::Arithmetic;
pub use ranges::Ranges;
#[cfg(feature = "onnx")]
pub(crate) use ranges::is_rounded;
use std::time::Duration;
use yolo_kernels::base::aligned::AlignedBuf;
use yolo_kernels::isa;

/// Sizes of images whose memory plan is kept.
const KEPT: usize = 8;

/// A network for inference.
#[derive(Debug)]
pub struct Engine {
    graph: Graph,
    params: Vec<Vec<f32>>,
    program: Program,
    plans: Vec<MemoryPlan>,
    /// One vector of numbers for each slot.
    slots: Vec<AlignedBuf>,
    times: Option<Vec<Duration>>,
    /// Of what convolutions read, in runs that calibrate.
    ranges: Option<Ranges>,
}

/// A map after a run.
#[derive(Clone, Copy, Debug)]
pub struct Output<'a> {
    /// `[batch, channels, height, width]`
    pub shape: &'a [usize],
    /// Elements in the order batch, height, width, channel.
    pub data: &'a [f32],
}

impl Engine {
    /// What it computes in.
    pub const PRECISIONS: [Precision; 4] =
        [Precision::F32, Precision::Bf16, Precision::Fp16, Precision::Int8];

    /// Prepares a graph with its values, in f32; the tensors `wanted` can be read after each run.
    pub fn new(graph: &Graph, state: State, wanted: &[ValueId]) -> Self {
        let ranges = &Ranges::default();
        Self::of(graph, state, wanted, Arithmetic { precision: Precision::F32, ranges })
    }

    /// The same in one of [`Self::PRECISIONS`]; `ranges` are for int8 alone. A convolution that has no range, or whose numbers
    /// reach too far for 8 bits, is computed in f32.
    ///
    /// # Errors
    /// [`Error::Precision`] for another one.
    pub fn with_precision(
        graph: &Graph,
        state: State,
        wanted: &[ValueId],
        precision: Precision,
        ranges: &Ranges,
    ) -> Result<Self, Error> {
        check_precision(precision, &Self::PRECISIONS, "the CPU")?;
        Ok(Self::of(graph, state, wanted, Arithmetic { precision, ranges }))
    }

    fn of(graph: &Graph, mut state: State, wanted: &[ValueId], arithmetic: Arithmetic) -> Self {
        let program = compile::program(graph, &mut state, wanted, isa(), arithmetic);
        Engine {
            params: run::params(graph, &state, &program),
            graph: graph.clone(),
            program,
            plans: vec![],
            slots: vec![],
            times: None,
            ranges: None,
        }
    }

    /// Runs the network on planes `[batch, channels, height, width]` of numbers, usually 0 to 1.
    pub fn run(&mut self, planes: &[f32], shape: [usize; 4]) -> Result<(), Error> {
        self.evaluate(Images::Planes(planes), shape)
    }

    /// Runs the network on pixels `[batch, height, width, channels]`, which are divided by 255; `shape` is the graph's.
    pub fn run_bytes(&mut self, bytes: &[u8], shape: [usize; 4]) -> Result<(), Error> {
        self.evaluate(Images::Bytes(bytes), shape)
    }

    /// One of the tensors asked for, by its place among them, after a run.
    pub fn output(&self, place: usize) -> Option<Output<'_>> {
        let plan = self.plans.last()?;
        let buffer = *self.program.outputs.get(place)?;
        let (shape, slot, len) =
            (&plan.shapes[self.program.buffers[buffer].node], plan.slots[buffer], plan.lens[buffer]);
        Some(Output { shape, data: &self.slots[slot][..len] })
    }

    /// The last plan is that of this shape.
    fn plan_memory(&mut self, shape: [usize; 4]) -> Result<(), Error> {
        let plan = match self.plans.iter().position(|plan| plan.shapes[0] == shape) {
            Some(place) => self.plans.remove(place),
            None => MemoryPlan::new(&self.graph, &self.program, shape)?,
        };
        if self.plans.len() >= KEPT {
            self.plans.remove(0);
        }
        self.slots.resize_with(self.slots.len().max(plan.sizes.len()), AlignedBuf::new);
        for (slot, size) in self.slots.iter_mut().zip(&plan.sizes) {
            slot.reserve(*size);
        }
        self.plans.push(plan);
        Ok(())
    }
}

impl Network for Engine {
    fn evaluate(&mut self, images: Images, shape: [usize; 4]) -> Result<(), Error> {
        images.check(shape)?;
        self.plan_memory(shape)?;
        // On a thread of the pool: another one would be put to sleep and woken for every step.
        rayon::scope(|_| self.steps(images))
    }

    fn outputs(&self) -> Result<Vec<RawMap<'_>>, Error> {
        let maps = (0..self.program.outputs.len()).filter_map(|place| self.output(place));
        let maps = maps.filter_map(|Output { shape, data }| match *shape {
            [batch, _, ny, nx] => Some(RawMap::new(data, [batch, ny, nx])),
            _ => None,
        });
        Ok(maps.collect())
    }
}
