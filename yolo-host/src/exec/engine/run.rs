//! Runs the steps of a program.

use super::layout::Run;
use super::program::{Program, Step, Work, extent};
use super::{Engine, MemoryPlan, Ranges};
use crate::exec::primitive::{self, Ref};
use crate::exec::{Error, Images};
use crate::graph::{Graph, Pool};
use crate::model::State;
use smallvec::SmallVec;
use std::time::Instant;
use yolo_kernels::infer::{
    Geometry, Source, Target, add, from_bytes, from_planes, max_pool, scale, upsample,
};
use yolo_kernels::ops::pool::{Pooling, global_forward};

/// The values that steps read while they run; convolutions have packed theirs.
pub fn params(graph: &Graph, state: &State, program: &Program) -> Vec<Vec<f32>> {
    let mut params = vec![vec![]; graph.params.len()];
    for step in &program.steps {
        if let Work::Other(_) = step.work {
            for id in graph.nodes[step.node].op.parameters() {
                params[id.0] = state.floats(id).to_vec();
            }
        }
    }
    params
}

impl Engine {
    pub(super) fn steps(&mut self, images: Images) -> Result<(), Error> {
        for i in 0..self.program.steps.len() {
            let start = self.times.as_ref().map(|_| Instant::now());
            let Some(plan) = self.plans.last() else { return Ok(()) };
            let writes = self.program.steps[i].writes;
            let slot = plan.slots[writes];
            let mut memory = std::mem::take(&mut self.slots[slot]);
            let mut ranges = self.ranges.take();
            let context = StepContext { engine: self, plan, step: &self.program.steps[i] };
            let done = context.run(images, &mut memory[..plan.lens[writes]]);
            if let Some(ranges) = &mut ranges {
                context.range(ranges);
            }
            self.ranges = ranges;
            self.slots[slot] = memory;
            done?;
            if let (Some(times), Some(start)) = (&mut self.times, start) {
                times[i] += start.elapsed();
            }
        }
        Ok(())
    }
}

/// On the stack up to so many; only unusual networks need more.
type Inline<T> = SmallVec<[T; 16]>;

/// What a step reads: its shapes and the buffers.
struct StepContext<'a> {
    engine: &'a Engine,
    plan: &'a MemoryPlan,
    step: &'a Step,
}

impl StepContext<'_> {
    fn data(&self, buffer: usize) -> &[f32] {
        &self.engine.slots[self.plan.slots[buffer]][..self.plan.lens[buffer]]
    }

    fn source(&self, run: &Run) -> Source<'_> {
        let pixel = self.engine.program.buffers[run.buffer].channels;
        Source { data: self.data(run.buffer), pixel, first: run.first, len: run.len }
    }

    /// Takes the numbers that a convolution reads into the ranges.
    fn range(&self, ranges: &mut Ranges) {
        if let Work::Dense { parts, .. } = &self.step.work {
            ranges.widen(self.step.node, parts.iter().flat_map(|part| &part.1).map(|run| self.source(run)));
        }
    }

    fn geometry(&self, input: usize) -> Geometry {
        let [x, y] = [input, self.step.node].map(|node| extent(&self.plan.shapes[node]));
        Geometry { batch: y[0], input: [x[1], x[2]], output: [y[1], y[2]] }
    }

    fn run(&self, images: Images, y: &mut [f32]) -> Result<(), Error> {
        let (step, pixel) = (self.step, self.engine.program.buffers[self.step.writes].channels);
        let shape = &self.plan.shapes[step.node];
        match &step.work {
            Work::Input => match images {
                Images::Planes(planes) => {
                    let [n, c, h, w] = [shape[0], shape[1], shape[2], shape[3]];
                    from_planes(planes, [n, c, h * w], y);
                }
                Images::Bytes(bytes) => from_bytes(bytes, y),
            },
            Work::Parameter(values) => y.copy_from_slice(values),
            Work::Dense { node, parts, shortcut } => {
                let geometry = self.geometry(*node);
                for (conv, from, first) in parts {
                    let sources: Inline<Source> = from.iter().map(|run| self.source(run)).collect();
                    let shortcut = shortcut.as_ref().map(|run| {
                        let source = self.source(run);
                        Source { first: source.first + first, len: conv.cout(), ..source }
                    });
                    conv.run(&geometry, &sources, shortcut, Target { data: y, pixel, first: *first });
                }
            }
            Work::Depthwise { node, parts } => {
                let geometry = self.geometry(*node);
                for (conv, from, first) in parts {
                    conv.run(&geometry, &self.source(from), Target { data: y, pixel, first: *first });
                }
            }
            Work::Gather(from) => {
                let mut first = 0;
                for source in from.iter().map(|run| self.source(run)) {
                    let pixels = source.data.chunks_exact(source.pixel);
                    for (y, x) in y.chunks_exact_mut(pixel).zip(pixels) {
                        y[first..first + source.len].copy_from_slice(&x[source.first..][..source.len]);
                    }
                    first += source.len;
                }
            }
            Work::Add(pairs) => {
                let parts: Inline<(Source, Source)> =
                    pairs.iter().map(|(a, b)| (self.source(a), self.source(b))).collect();
                add(&parts, y.len() / pixel.max(1), Target { data: y, pixel, first: 0 });
            }
            Work::MaxPool { node, window } => {
                max_pool(window, &self.geometry(*node), pixel, self.data(step.reads[0]), y);
            }
            Work::MeanPool { node, window } => {
                let Geometry { batch, input, output } = self.geometry(*node);
                let pooling = Pooling::new(Pool::Average, batch, input, output, pixel, window);
                pooling.forward(self.data(step.reads[0]), y, &mut vec![]);
            }
            Work::GlobalPool(kind) => {
                global_forward(*kind, self.data(step.reads[0]), shape[0], pixel, y);
            }
            Work::Scale(act) => {
                scale(self.data(step.reads[0]), self.data(step.reads[1]), [shape[0], pixel], *act, y);
            }
            Work::Upsample { node, scale } => {
                upsample(*scale, &self.geometry(*node), pixel, self.data(step.reads[0]), y);
            }
            Work::Other(nodes) => {
                let node = &self.engine.graph.nodes[step.node];
                let both = nodes.iter().zip(&step.reads);
                let inputs: Inline<Ref<f32>> = both
                    .map(|(node, buffer)| Ref { shape: &self.plan.shapes[*node], data: self.data(*buffer) })
                    .collect();
                primitive::forward(&node.op, node.layer, &inputs, &self.engine.params, shape, y)?;
            }
        }
        Ok(())
    }
}
