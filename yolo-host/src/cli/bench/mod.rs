//! `yolo bench`: how fast models are on this machine, beside what it could compute, and beside each other.

mod memory;
mod quality;
mod report;
mod serve;
mod subject;
mod table;
mod threads;

use super::output::line;
use super::plugins::PluginArgs;
use super::precision::PrecisionArgs;
use super::progress::bar;
use super::{Outcome, check_data, pixels};
use crate::exec::Device;
use crate::model::ModelFiles;
use anyhow::{Context, ensure};
use quality::Validator;
use rayon::ThreadPool;
use report::{ModelReport, Peak, Report};
use std::path::PathBuf;
use subject::Subject;
use table::Detail;
use yolo_kernels::base::kernels;

/// Measure how fast models are, layer by layer or side by side
#[derive(clap::Args)]
pub struct BenchArgs {
    /// Models: YAML files, or names of built-in ones; without weights their values are made from a seed
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present_any = ["weights", "serve"])]
    cfg: Vec<PathBuf>,
    /// Weights (.safetensors or .pt), one or several; together with --cfg one for each of those
    #[arg(long, value_name = "FILE", num_args = 1..)]
    weights: Vec<PathBuf>,
    /// Size of the images in pixels: one number, or height and width
    #[arg(long, visible_aliases = ["img", "img-size"], num_args = 1..=2, value_parser = pixels, default_values_t = [640])]
    imgsz: Vec<usize>,
    /// Images a run
    #[arg(long, visible_alias = "batch", default_value_t = 1, value_parser = between::<1, 1024>)]
    batch_size: usize,
    /// Threads that compute, or several numbers to compare, as in 1,2 (default: one a core)
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = between::<1, 1024>)]
    threads: Vec<usize>,
    /// Recorded runs of each model with each number of threads
    #[arg(long, default_value_t = 100, value_parser = between::<1, 10_000>)]
    runs: usize,
    /// Runs before them
    #[arg(long, default_value_t = 10, value_parser = between::<0, 10_000>)]
    warmup: usize,
    /// Dataset on whose part val the mAP of weights is measured, as by yolo val: a data.yaml, or a Pascal VOC folder
    #[arg(long, value_name = "PATH", requires = "weights")]
    data: Option<PathBuf>,
    #[command(flatten)]
    precision: PrecisionArgs,
    /// Print every layer of several models, too
    #[arg(long)]
    layers: bool,
    /// Print every step of every layer
    #[arg(long)]
    steps: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Answer lines on standard input instead, to be timed from outside: `load NAME CFG WEIGHTS INPUT OUTPUT`, `run NAME`
    #[arg(long, conflicts_with_all = ["cfg", "weights", "data", "layers", "steps", "json"])]
    serve: bool,
    #[command(flatten)]
    pub plugins: PluginArgs,
}

/// A number of a range.
fn between<const LEAST: usize, const MOST: usize>(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (LEAST..=MOST).contains(number));
    number.ok_or_else(|| format!("must be from {LEAST} to {MOST}"))
}

/// So many runs of a model follow each other before the next has its turn.
const TURN: usize = 5;

pub fn run(mut args: BenchArgs) -> anyhow::Result<Outcome> {
    args.precision.settle(Device::Cpu)?;
    let pools = threads::pools(&args.threads)?;
    if args.serve {
        let [pool] = pools.as_slice() else { anyhow::bail!("--serve takes one number of --threads") };
        pool.install(|| serve::serve(&args.plugins, &args.precision))?;
        return Ok(Outcome::Done);
    }
    let report = args.report(&pools)?;
    match args.json {
        true => line(&serde_json::to_string(&report)?)?,
        false => {
            let layers = args.layers || args.steps || report.models.len() == 1;
            table::print(&report, Detail { layers, steps: args.steps })?;
        }
    }
    Ok(Outcome::Done)
}

impl BenchArgs {
    fn report(&self, pools: &[ThreadPool]) -> anyhow::Result<Report> {
        self.data.as_deref().map_or(Ok(()), check_data)?;
        let mut subjects = self.subjects()?;
        let peaks: Vec<Peak> = pools
            .iter()
            .map(|pool| Peak { threads: pool.current_num_threads(), gflops_per_second: threads::peak(pool) })
            .collect();
        // Before anything takes its time: it may be wrong.
        let validator = self.data.as_ref().map(|data| Validator::new(data, &subjects)).transpose()?;
        self.measure(&mut subjects, pools)?;
        let peak_memory = memory::peak();
        let mut models = vec![];
        for subject in &mut subjects {
            let validated =
                validator.as_ref().map(|validator| pools[0].install(|| validator.quality(subject)));
            models.push(ModelReport::new(subject, validated.transpose()?.flatten(), &peaks));
        }
        Ok(Report {
            kernels: kernels(),
            precision: self.precision.precision().name(),
            batch: self.batch_size,
            runs: self.runs,
            cores: threads::cores(),
            peaks,
            models,
            peak_memory,
        })
    }

    /// The models that are named.
    fn subjects(&self) -> anyhow::Result<Vec<Subject>> {
        let (cfgs, weights) = (self.cfg.len(), self.weights.len());
        ensure!(
            cfgs == 0 || weights == 0 || cfgs == weights,
            "{cfgs} --cfg for {weights} --weights; give one for each, or none for weights that carry their model"
        );
        let mut registry = self.plugins.registry()?;
        let sides = [self.imgsz[0], *self.imgsz.last().unwrap_or(&self.imgsz[0])];
        let path = |list: &'_ [PathBuf], place: usize| list.get(place).cloned();
        let load = |place: usize| {
            let (weights, cfg) = (path(&self.weights, place), path(&self.cfg, place));
            let files = ModelFiles { weights: weights.as_deref(), cfg: cfg.as_deref() };
            Subject::load(files, &mut registry, (self.batch_size, sides), &self.precision)
        };
        (0..cfgs.max(weights)).map(load).collect()
    }

    /// Runs every model with every number of threads, in turn, so that what disturbs one disturbs all.
    fn measure(&self, subjects: &mut [Subject], pools: &[ThreadPool]) -> anyhow::Result<()> {
        let all: Vec<(usize, usize)> = (0..subjects.len())
            .flat_map(|subject| (0..pools.len()).map(move |pool| (subject, pool)))
            .collect();
        let turns = self.runs.div_ceil(TURN);
        let progress = bar(turns * all.len(), "bench");
        for turn in 0..turns {
            let runs = TURN.min(self.runs - turn * TURN);
            for place in 0..all.len() {
                let (subject, pool) = all[(place + turn) % all.len()];
                // The others have left nothing of it in the caches.
                let warmup = if turn == 0 { self.warmup } else { usize::from(all.len() > 1) };
                let subject = &mut subjects[subject];
                let done = pools[pool].install(|| subject.visit(pool, warmup, runs));
                done.with_context(|| subject.name.clone())?;
                progress.inc(1);
            }
        }
        progress.finish_and_clear();
        Ok(())
    }
}
