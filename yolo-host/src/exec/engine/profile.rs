//! Where the time of a run goes: every step with its YAML row, operation and size.

use super::program::Work;
use super::{Engine, MemoryPlan};
use crate::exec::Error;
use crate::graph::{Op, node_macs};
use crate::model::Layer;
use serde::Serialize;
use std::time::{Duration, Instant};

/// One step of the engine's program, and how long it took.
#[derive(Clone, Debug)]
pub struct Step {
    /// The YAML row; nothing for the step that takes the images in.
    pub layer: Option<usize>,
    /// The row's block.
    pub block: String,
    /// What is done, in a few words, or the graph's operation by name.
    pub operation: String,
    /// Whether the engine has no kernel for it, and a plugin's own function runs in its place.
    pub falls_back: bool,
    /// What comes out.
    pub shape: Vec<usize>,
    /// Multiply-accumulates of convolutions, linear maps and matrix products for the whole batch.
    pub macs: u64,
    /// Of each run.
    pub times: Vec<Duration>,
}

/// The steps of an engine over some runs.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// In running order.
    pub steps: Vec<Step>,
    /// Of each run, from its begin to its end: all steps and what is between them.
    pub times: Vec<Duration>,
}

impl Profile {
    /// Adds further runs of the same steps.
    pub fn append(&mut self, more: Profile) {
        if self.steps.is_empty() {
            *self = more;
            return;
        }
        for (step, more) in self.steps.iter_mut().zip(more.steps) {
            step.times.extend(more.times);
        }
        self.times.extend(more.times);
    }
}

/// How a number of times are spread, in milliseconds. Between two times percentiles are interpolated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// The shortest.
    pub min: f64,
    /// Half are shorter.
    pub median: f64,
    /// Of ten, nine are shorter.
    pub p90: f64,
    /// Of a hundred, ninety-nine are shorter.
    pub p99: f64,
    /// Their sum by their number.
    pub mean: f64,
}

impl Spread {
    /// That of these times; of none, zeros.
    pub fn of(times: &[Duration]) -> Self {
        let mut sorted: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        sorted.sort_by(f64::total_cmp);
        let Some(last) = sorted.len().checked_sub(1) else { return Spread::default() };
        let at = |share: f64| {
            let place = share * last as f64;
            let (below, above) = (sorted[place as usize], sorted[(place.ceil() as usize).min(last)]);
            below + (above - below) * place.fract()
        };
        let mean = sorted.iter().sum::<f64>() / sorted.len() as f64;
        Spread { min: at(0.0), median: at(0.5), p90: at(0.9), p99: at(0.99), mean }
    }
}

impl Engine {
    /// Runs so many times, and times each run and each step; `layers` are those of the model, to name blocks by.
    pub fn measure(
        &mut self,
        layers: &[Layer],
        planes: &[f32],
        shape: [usize; 4],
        runs: usize,
    ) -> Result<Profile, Error> {
        let (mut profile, mut of_steps) = (Profile::default(), vec![]);
        for _ in 0..runs {
            self.times = Some(vec![Duration::ZERO; self.program.steps.len()]);
            let start = Instant::now();
            let done = self.run(planes, shape);
            profile.times.push(start.elapsed());
            of_steps.push(self.times.take().unwrap_or_default());
            done?;
        }
        if let Some(plan) = self.plans.last() {
            let step = |place: usize| {
                let times = of_steps.iter().filter_map(|times| times.get(place).copied()).collect();
                Step { times, ..self.describe(place, plan, layers) }
            };
            profile.steps = (0..self.program.steps.len()).map(step).collect();
        }
        Ok(profile)
    }

    /// A step without times.
    fn describe(&self, place: usize, plan: &MemoryPlan, layers: &[Layer]) -> Step {
        let step = &self.program.steps[place];
        let (node, shape) = (&self.graph.nodes[step.node], &plan.shapes[step.node]);
        let whole = matches!(step.work, Work::Other(_));
        let layer = (!matches!(step.work, Work::Input)).then_some(node.layer);
        let block = layer.and_then(|layer| layers.get(layer)).map_or("", |layer| &layer.block);
        Step {
            layer,
            block: block.to_string(),
            operation: if whole { node.op.name().to_string() } else { step.work.describe() },
            falls_back: matches!(node.op, Op::Custom(_)),
            shape: shape.clone(),
            macs: match whole {
                true => node_macs(&self.graph, step.node, &plan.shapes),
                false => step.work.macs(shape) as u64,
            },
            times: vec![],
        }
    }

    /// Bytes that a run on images of this shape needs besides weights and images; nothing is allocated.
    ///
    /// Fails if the shape does not fit through the network.
    pub fn needs(&self, shape: [usize; 4]) -> Result<u64, Error> {
        let plan = MemoryPlan::new(&self.graph, &self.program, shape)?;
        Ok(plan.sizes.iter().map(|size| 4 * *size as u64).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_numpy_s() {
        // numpy.percentile([4, 1, 3, 2], [0, 50, 90, 99])
        let times: Vec<Duration> = [4, 1, 3, 2].map(Duration::from_millis).to_vec();
        let Spread { min, median, p90, p99, mean } = Spread::of(&times);
        for (found, expected) in [(min, 1.0), (median, 2.5), (p90, 3.7), (p99, 3.97), (mean, 2.5)] {
            assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
        }
        assert_eq!(Spread::of(&times[..1]).p99, 4.0);
        assert_eq!(Spread::of(&[]), Spread::default());
    }
}
