//! `yolo train`: training, as `train.py` does it.

use super::album::{Album, BATCHES, rows, titles};
use super::plugins::{PluginArgs, notes};
use super::progress::Watch;
use super::run_folder::FolderArgs;
use super::threads::ThreadArgs;
use super::{Outcome, evolve, pixels, share};
use crate::data::Cache;
use crate::train::{Finish, Hyper, Machine, Options, Rule, Training};
use anyhow::{Context, bail, ensure};
use std::path::{Path, PathBuf};

/// Train a model on labelled pictures
#[derive(clap::Args)]
#[command(mut_arg("project", |project| project.required(false).default_value("runs/train")))]
pub struct TrainArgs {
    /// Dataset: a data.yaml, a folder with one or of Pascal VOC or COCO, or a COCO JSON
    #[arg(long, value_name = "PATH", required_unless_present = "resume")]
    data: Option<PathBuf>,
    /// Model: a YAML file, or the name of a built-in one such as yolov5s; without it the one that --weights carry
    #[arg(long, value_name = "FILE")]
    cfg: Option<PathBuf>,
    /// Weights to start from (.safetensors or .pt): tensors of the same name and shape are taken
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Hyperparameters (default: those of data/hyps/hyp.scratch-low.yaml)
    #[arg(long, value_name = "FILE")]
    hyp: Option<PathBuf>,
    /// Epochs
    #[arg(long, default_value_t = 300)]
    epochs: usize,
    /// Pictures a batch; -1 for nine tenths of what fits on the GPU, on the CPU for 16
    #[arg(long, visible_alias = "batch", default_value_t = 16, allow_negative_numbers = true)]
    batch_size: i64,
    /// Side of the pictures in pixels
    #[arg(long, visible_aliases = ["img", "img-size"], value_parser = pixels, default_value_t = 640)]
    imgsz: usize,
    /// Batches of pictures of like shape, without mosaics
    #[arg(long)]
    rect: bool,
    /// cpu, or the number of a CUDA device (default: the first, if there is one, in a program built for CUDA; with --resume
    /// the one that it ran on)
    #[arg(long, default_value = "", hide_default_value = true)]
    device: String,
    /// Compute in f32 on CUDA, not in a mixture of bf16 and f32
    #[arg(long)]
    no_amp: bool,
    /// Go on with a training that was stopped: its folder, its weights/last.state.safetensors, or the latest
    #[arg(long, value_name = "PATH", num_args = 0..=1)]
    resume: Option<Option<PathBuf>>,
    /// Search better hyperparameters in so many trainings; --exist-ok goes on from the folder's evolve.csv
    #[arg(long, value_name = "GENERATIONS", num_args = 0..=1, default_missing_value = "300", conflicts_with = "resume",
        value_parser = clap::value_parser!(u32).range(1..))]
    evolve: Option<u32>,
    /// Write checkpoints only at the end
    #[arg(long)]
    nosave: bool,
    /// Validate only at the end
    #[arg(long)]
    noval: bool,
    /// Leave the anchors as they are
    #[arg(long)]
    noautoanchor: bool,
    /// Keep decoded pictures in memory (ram) or in files (disk)
    #[arg(long, value_enum, num_args = 0..=1, default_value = "none", default_missing_value = "ram")]
    cache: Cache,
    /// Draw pictures more often whose classes are found worse
    #[arg(long)]
    image_weights: bool,
    /// Vary the size of the pictures by ±50 %
    #[arg(long)]
    multi_scale: bool,
    /// All objects are of one class
    #[arg(long)]
    single_cls: bool,
    /// Where no list says which images are for training and which for validation: the share for training
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.9)]
    split: f64,
    /// Optimiser
    #[arg(long, value_enum, default_value = "SGD")]
    optimizer: Rule,
    /// Threads that prepare pictures
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Four pictures in one of twice the side
    #[arg(long)]
    quad: bool,
    /// Let the learning rate fall as a cosine instead of a line
    #[arg(long)]
    cos_lr: bool,
    /// ε of label smoothing
    #[arg(long, default_value_t = 0.0, value_name = "EPSILON")]
    label_smoothing: f64,
    /// Stop after so many epochs without a better one; 0 for never
    #[arg(long, default_value_t = 100)]
    patience: usize,
    /// Layers that stay as they are: one number for so many first ones (backbone: 10), several for these
    #[arg(long, num_args = 1.., default_values_t = [0], value_name = "LAYER")]
    freeze: Vec<usize>,
    /// Keep a checkpoint every so many epochs; 0 for never
    #[arg(long, default_value_t = 0, value_name = "EPOCHS")]
    save_period: usize,
    /// Of everything random: the same seed gives the same weights, bit by bit
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    threads: ThreadArgs,
    #[command(flatten)]
    results: FolderArgs,
    #[command(flatten)]
    pub plugins: PluginArgs,
}

/// Where results go.
const PROJECT: &str = "runs/train";

pub fn run(args: TrainArgs) -> anyhow::Result<Outcome> {
    args.threads.start()?;
    let mut registry = args.plugins.registry()?;
    let mut watch = Watch::new();
    let (mut training, folder) = match &args.resume {
        Some(path) => {
            let state = state_file(path.as_deref(), &args.results.project)?;
            let named = (!args.device.is_empty()).then(|| Machine::named(&args.device));
            let machine = named.transpose().context("--device")?;
            let training = Training::resume(&state, machine, &mut registry, &mut watch)?;
            eprintln!("resuming {}", state.display());
            let folder = state.parent().and_then(Path::parent).unwrap_or(Path::new(".")).to_path_buf();
            (training, folder)
        }
        None => {
            let options = args.options()?;
            let hyper = match &options.hyp {
                Some(file) => Hyper::read(file).context("--hyp")?,
                None => Hyper::default(),
            };
            let mut results = args.results.clone();
            if args.evolve.is_some() && results.project == Path::new(PROJECT) {
                results.project = "runs/evolve".into();
            }
            let folder = results.create()?.path().to_path_buf();
            if let Some(count) = args.evolve {
                let ran = evolve::run(count as usize, &options, hyper, &folder, &mut registry, &mut watch);
                return ran.inspect_err(|_| _ = std::fs::remove_dir(&folder));
            }
            let made = Training::new(options, hyper, &folder, &mut registry, &mut watch);
            // Nothing was written yet: a folder that says nothing helps nobody.
            (made.inspect_err(|_| _ = std::fs::remove_dir(&folder))?, folder)
        }
    };
    notes(&mut registry);
    let Options { machine, amp, .. } = training.options();
    let mixed = if *amp && *machine != Machine::Cpu { ", in mixed precision" } else { "" };
    eprintln!("training on {machine}{mixed}");
    match training.run(&mut watch)? {
        Finish::Stopped => {
            eprintln!("stopped; go on with: yolo train --resume {}", folder.display());
            Ok(Outcome::SomeFailed)
        }
        finish => {
            if let Finish::Early { best } = finish {
                let patience = training.options().patience;
                eprintln!("no better epoch for {patience} epochs; the best was {}", best + 1);
            }
            judge(&mut training, &folder)?;
            training.finish()?;
            eprintln!("results are in {}", folder.display());
            Ok(Outcome::Done)
        }
    }
}

/// Validates the best weights, and draws the run.
fn judge(training: &mut Training, folder: &Path) -> anyhow::Result<()> {
    let mut album = Album::new(folder, training.names());
    album.labels(training.pictures())?;
    for (i, batch) in training.pictures().epoch(0, 0, None).take(BATCHES).enumerate() {
        let batch = batch?;
        let titles = titles(training.pictures(), &batch);
        album.batch(&format!("train_batch{i}.jpg"), "A batch to learn from", &batch, &titles)?;
    }
    let mut drawn = Ok(());
    let validation = training.validate_best(&mut |judged, loader| {
        if judged.index < BATCHES && drawn.is_ok() {
            drawn = album.judged(loader, judged);
        }
    })?;
    drawn?;
    album.curves(&validation.summary)?;
    album.report(&validation.summary, &rows(training.options()))?;
    let summary = &validation.summary;
    eprintln!(
        "best: precision {:.4}, recall {:.4}, mAP50 {:.4}, mAP50-95 {:.4}",
        summary.precision, summary.recall, summary.map50, summary.map
    );
    Ok(())
}

impl TrainArgs {
    fn options(&self) -> anyhow::Result<Options> {
        let Some(data) = self.data.clone() else { bail!("name the dataset with --data") };
        ensure!(self.epochs > 0, "--epochs must be at least 1");
        ensure!(
            (0.0..=1.0).contains(&self.label_smoothing),
            "--label-smoothing must be from 0 to 1, not {}",
            self.label_smoothing
        );
        let machine = Machine::named(&self.device).context("--device")?;
        let batch = match self.batch_size {
            -1 => 0,
            size => usize::try_from(size)
                .ok()
                .filter(|size| *size > 0)
                .with_context(|| format!("--batch-size must be at least 1, or -1, not {size}"))?,
        };
        Ok(Options {
            weights: self.weights.clone(),
            cfg: self.cfg.clone(),
            data,
            hyp: self.hyp.clone(),
            epochs: self.epochs,
            batch,
            imgsz: self.imgsz,
            rect: self.rect,
            nosave: self.nosave,
            noval: self.noval,
            noautoanchor: self.noautoanchor,
            cache: self.cache,
            image_weights: self.image_weights,
            multi_scale: self.multi_scale,
            single_cls: self.single_cls,
            split: self.split,
            optimizer: self.optimizer,
            workers: self.workers,
            quad: self.quad,
            cos_lr: self.cos_lr,
            label_smoothing: self.label_smoothing,
            patience: self.patience,
            freeze: self.freeze.clone(),
            save_period: self.save_period,
            seed: self.seed,
            machine,
            amp: !self.no_amp,
        })
    }
}

/// The state that `--resume` means: a file, a run's folder, or that of the project's latest run.
fn state_file(path: Option<&Path>, project: &Path) -> anyhow::Result<PathBuf> {
    const STATE: &str = "weights/last.state.safetensors";
    let Some(path) = path else {
        let runs = std::fs::read_dir(project).with_context(|| format!("--resume: {}", project.display()))?;
        let states = runs.flatten().map(|run| run.path().join(STATE));
        let dated = states.filter_map(|state| Some((state.metadata().ok()?.modified().ok()?, state)));
        let latest = dated.max().map(|(_, state)| state);
        return latest
            .with_context(|| format!("--resume: no training in {} can be gone on with", project.display()));
    };
    if path.is_file() {
        let name = path.to_string_lossy();
        // The weights beside it are what people name.
        let state = name
            .strip_suffix("last.safetensors")
            .map(|start| PathBuf::from(format!("{start}last.state.safetensors")));
        return Ok(state.unwrap_or_else(|| path.to_path_buf()));
    }
    if path.is_dir() {
        let state = path.join(STATE);
        ensure!(
            state.is_file(),
            "{}: has no {STATE}: the training there is finished, or has not ended an epoch",
            path.display()
        );
        return Ok(state);
    }
    bail!("--resume {}: no such file or folder", path.display())
}
