//! What `yolo bench` found, as its JSON has it. Times are milliseconds of a run, which is one batch. Operations are those of
//! plain convolutions: where Winograd's algorithm does with fewer, a share of the peak may be above 1.

use super::quality::Quality;
use super::subject::Subject;
use crate::exec::engine::{Profile, Spread, Step};
use serde::Serialize;
use std::time::Duration;

/// All of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The instructions of the kernels: `YOLO_KERNELS`.
    pub kernels: String,
    /// Of numbers and arithmetic.
    pub precision: &'static str,
    /// Images of a run.
    pub batch: usize,
    /// Recorded runs of each model with each number of threads.
    pub runs: usize,
    /// Cores of this machine that the process may use.
    pub cores: usize,
    /// Billions of floating-point operations a second in registers, measured here, by number of threads.
    pub peaks: Vec<Peak>,
    /// In the order asked for.
    pub models: Vec<ModelReport>,
    /// The most memory that the process held, with all models loaded; in bytes, nothing where the system does not tell.
    pub peak_memory: Option<u64>,
}

/// What so many threads could compute.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Peak {
    /// How many.
    pub threads: usize,
    /// GFLOP/s.
    pub gflops_per_second: f64,
}

/// A model.
#[derive(Debug, Serialize)]
pub struct ModelReport {
    /// Its weights, or its YAML.
    pub name: String,
    /// Whether its values come from weights; else from a seed.
    pub trained: bool,
    /// Height and width of its images.
    pub imgsz: [usize; 2],
    /// Trainable elements.
    pub parameters: usize,
    /// Billions of floating-point operations for one image.
    pub gflops: f64,
    /// Bytes of its values in the file's order; what the engine packs for its kernels has about that size.
    pub weights: u64,
    /// Bytes of the maps that a run needs.
    pub maps: u64,
    /// On the data that was given.
    pub quality: Option<Quality>,
    /// One for each number of threads.
    pub latency: Vec<Latency>,
}

/// How long a model takes.
#[derive(Debug, Serialize)]
pub struct Latency {
    /// That compute.
    pub threads: usize,
    /// Of a run.
    pub ms: Spread,
    /// By the median.
    pub gflops_per_second: f64,
    /// Of the peak.
    pub of_peak: f64,
    /// Those of the images first, then YAML rows.
    pub layers: Vec<LayerReport>,
}

/// A YAML row.
#[derive(Debug, Serialize)]
pub struct LayerReport {
    /// Its index; nothing for the step that takes the images in.
    pub index: Option<usize>,
    /// Its block.
    pub block: String,
    /// Trainable elements.
    pub parameters: usize,
    /// For one image.
    pub gflops: f64,
    /// All its steps in a run. Rows that only move channels have none, and take no time.
    pub ms: Spread,
    /// Of the mean time of a run, from 0 to 1.
    pub share: f64,
    /// By the median.
    pub gflops_per_second: f64,
    /// Of the peak.
    pub of_peak: f64,
    /// In running order.
    pub steps: Vec<StepReport>,
}

/// A step of the engine.
#[derive(Debug, Serialize)]
pub struct StepReport {
    /// What is done.
    pub operation: String,
    /// Whether the engine has no kernel for it, and a plain operation runs in its place.
    pub falls_back: bool,
    /// What comes out.
    pub shape: Vec<usize>,
    /// For one image.
    pub gflops: f64,
    /// In a run.
    pub ms: Spread,
    /// By the median.
    pub gflops_per_second: f64,
}

/// Of so many multiply-accumulates, for one image of a batch.
fn gflops(macs: u64, batch: usize) -> f64 {
    2e-9 * macs as f64 / batch.max(1) as f64
}

/// Of so many multiply-accumulates in a run.
fn rate(macs: u64, ms: &Spread) -> f64 {
    if ms.median > 0.0 { 2e-6 * macs as f64 / ms.median } else { 0.0 }
}

impl ModelReport {
    /// A model that was run with these numbers of threads.
    pub fn new(subject: &Subject, quality: Option<Quality>, peaks: &[Peak]) -> Self {
        let [batch, _, height, width] = subject.shape;
        ModelReport {
            name: subject.name.clone(),
            trained: subject.trained,
            imgsz: [height, width],
            parameters: subject.model.graph.parameters(None),
            gflops: gflops(subject.macs.iter().sum(), batch),
            weights: subject.weights,
            maps: subject.maps,
            quality,
            latency: subject
                .profiles
                .iter()
                .zip(peaks)
                .map(|(profile, peak)| latency(subject, profile, peak))
                .collect(),
        }
    }
}

fn latency(subject: &Subject, profile: &Profile, peak: &Peak) -> Latency {
    let ms = Spread::of(&profile.times);
    let rows = (0..subject.model.layers.len()).map(Some);
    let all = rate(subject.macs.iter().sum(), &ms);
    Latency {
        threads: peak.threads,
        ms,
        gflops_per_second: all,
        of_peak: all / peak.gflops_per_second,
        layers: std::iter::once(None)
            .chain(rows)
            .map(|index| layer(subject, profile, index, ms.mean, peak.gflops_per_second))
            .collect(),
    }
}

fn layer(subject: &Subject, profile: &Profile, index: Option<usize>, total: f64, peak: f64) -> LayerReport {
    let batch = subject.shape[0];
    let steps: Vec<&Step> = profile.steps.iter().filter(|step| step.layer == index).collect();
    let of_run = |run: usize| steps.iter().filter_map(|step| step.times.get(run)).sum::<Duration>();
    let times: Vec<Duration> = (0..profile.times.len()).map(of_run).collect();
    let (ms, macs) = (Spread::of(&times), index.and_then(|index| subject.macs.get(index)).copied());
    let (macs, step) = (macs.unwrap_or(0), |step: &&Step| {
        let ms = Spread::of(&step.times);
        StepReport {
            operation: step.operation.clone(),
            falls_back: step.falls_back,
            shape: step.shape.clone(),
            gflops: gflops(step.macs, batch),
            gflops_per_second: rate(step.macs, &ms),
            ms,
        }
    });
    LayerReport {
        index,
        block: index.map_or("images".into(), |index| subject.model.layers[index].block.clone()),
        parameters: index.map_or(0, |index| subject.model.graph.parameters(Some(index))),
        gflops: gflops(macs, batch),
        share: if total > 0.0 { ms.mean / total } else { 0.0 },
        gflops_per_second: rate(macs, &ms),
        of_peak: rate(macs, &ms) / peak,
        steps: steps.iter().map(step).collect(),
        ms,
    }
}
