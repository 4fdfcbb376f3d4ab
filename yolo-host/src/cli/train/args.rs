//! The options of `yolo train`, under their headings.

use crate::cli::plugins::PluginArgs;
use crate::cli::run_folder::FolderArgs;
use crate::cli::threads::ThreadArgs;
use crate::cli::{pixels, share};
use crate::data::Cache;
use crate::train::{Device, Options, Rule};
use anyhow::{Context, ensure};
use clap::builder::{OsStringValueParser, TypedValueParser};
use std::path::PathBuf;

/// Where results go.
pub const PROJECT: &str = "runs/train";

const EXAMPLES: &str = "Examples:
  yolo train --data my/data.yaml --weights weights/yolov5s.safetensors --imgsz 320 --epochs 100
      goes on from weights that know eighty classes
  yolo train --data my/data.yaml --cfg models/yolov5n.yaml --weights '' --batch 32 --device 0
      starts from scratch, on a GPU";

/// Train a model on labelled images
#[derive(clap::Args)]
#[command(mut_arg("project", |project| project.required(false).default_value(PROJECT)), after_help = EXAMPLES)]
pub struct TrainArgs {
    #[command(flatten, next_help_heading = "Data")]
    pub data: DataArgs,
    #[command(flatten, next_help_heading = "Model")]
    pub model: ModelArgs,
    #[command(flatten, next_help_heading = "Training")]
    pub training: TrainingArgs,
    #[command(flatten, next_help_heading = "Optimiser")]
    pub optimiser: OptimiserArgs,
    #[command(flatten, next_help_heading = "Results")]
    pub results: ResultArgs,
    #[command(flatten, next_help_heading = "Device")]
    pub device: MachineArgs,
    #[command(flatten, next_help_heading = "Plugins")]
    pub plugins: PluginArgs,
}

#[derive(clap::Args)]
pub struct DataArgs {
    /// Dataset: a data.yaml, a folder with one or of Pascal VOC or COCO, or a COCO JSON
    #[arg(long, value_name = "PATH", required_unless_present_any = ["resume", "opt"])]
    pub data: Option<PathBuf>,
    /// Side of the images in pixels, rounded up to a multiple of the model's largest stride
    #[arg(long, visible_aliases = ["img", "img-size"], value_parser = pixels, num_args = 1..=2, default_values_t = [640])]
    pub imgsz: Vec<usize>,
    /// Images a batch; -1 for nine tenths of what fits on the GPU, on the CPU for 16
    #[arg(long, visible_alias = "batch", default_value_t = 16, allow_negative_numbers = true, value_parser = whole)]
    pub batch_size: i64,
    /// Batches of images of like shape, without mosaics
    #[arg(long)]
    pub rect: bool,
    /// All objects are of one class
    #[arg(long)]
    pub single_cls: bool,
    /// Where no list says which images are for training and which for validation: the share for training
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.9)]
    pub split: f64,
    /// Draw images more often whose classes are found worse
    #[arg(long)]
    pub image_weights: bool,
    /// Vary the size of the images by ±50 %
    #[arg(long)]
    pub multi_scale: bool,
    /// Four images in one of twice the side
    #[arg(long)]
    pub quad: bool,
    /// Keep decoded images in memory (ram) or in files (disk)
    #[arg(long, alias = "cache-images", value_enum, num_args = 0..=1, default_value = "none", default_missing_value = "ram")]
    pub cache: Cache,
}

#[derive(clap::Args)]
pub struct ModelArgs {
    /// Model: a YAML file, or the name of a built-in one such as yolov5s; without it the one that --weights carry
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub cfg: Option<PathBuf>,
    /// Weights to start from (.safetensors, .pt, .onnx, or ncnn's .param): tensors of the same name and shape are taken; '' for none
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub weights: Option<PathBuf>,
    /// Layers that stay as they are: one number for so many first ones (backbone: 10), several for these
    #[arg(long, num_args = 1.., default_values_t = [0], value_name = "LAYER", value_parser = number)]
    pub freeze: Vec<usize>,
    /// Leave the anchors as they are
    #[arg(long)]
    pub noautoanchor: bool,
}

#[derive(clap::Args)]
pub struct TrainingArgs {
    /// Epochs
    #[arg(long, default_value_t = 300, value_parser = epochs)]
    pub epochs: usize,
    /// Hyperparameters: a file, or one of data/hyps by its name (default: hyp.scratch-low.yaml)
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub hyp: Option<PathBuf>,
    /// Stop after so many epochs without a better one; 0 for never
    #[arg(long, default_value_t = 100, value_name = "EPOCHS", value_parser = number)]
    pub patience: usize,
    /// Of everything random: the same seed gives the same weights, bit by bit
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Go on with a training: its folder, or a file in its weights/; without PATH the latest. --epochs, --patience, --data,
    /// --device, --workers, --threads, --cache, --save-period, --nosave, --noval, --project and --name may be others than
    /// before
    #[arg(long, value_name = "PATH", num_args = 0..=1)]
    pub resume: Option<Option<PathBuf>>,
    /// Options of a file, such as a run's opt.yaml; those of the command line count more
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    pub opt: Option<PathBuf>,
    /// Search better hyperparameters in so many trainings; --exist-ok goes on from the folder's evolve.csv
    #[arg(long, value_name = "GENERATIONS", num_args = 0..=1, default_missing_value = "300", conflicts_with = "resume",
        value_parser = clap::value_parser!(u32).range(1..))]
    pub evolve: Option<u32>,
}

#[derive(clap::Args)]
pub struct OptimiserArgs {
    /// Optimiser
    #[arg(long, value_enum, default_value = "SGD")]
    pub optimizer: Rule,
    /// Let the learning rate fall as a cosine instead of a line
    #[arg(long)]
    pub cos_lr: bool,
    /// ε of label smoothing
    #[arg(long, default_value_t = 0.0, value_name = "EPSILON")]
    pub label_smoothing: f64,
}

#[derive(clap::Args)]
pub struct ResultArgs {
    #[command(flatten)]
    pub folder: FolderArgs,
    /// Keep a checkpoint every so many epochs; 0 or -1 for never
    #[arg(long, default_value_t = 0, value_name = "EPOCHS", allow_negative_numbers = true, value_parser = whole)]
    pub save_period: i64,
    /// Write checkpoints only at the end
    #[arg(long)]
    pub nosave: bool,
    /// Validate only at the end
    #[arg(long)]
    pub noval: bool,
}

#[derive(clap::Args)]
pub struct MachineArgs {
    /// cpu, or the number of a CUDA device (default: the first, if there is one, in a program built for CUDA; with --resume
    /// the one that it ran on)
    #[arg(long, default_value = "", hide_default_value = true)]
    pub device: String,
    /// Compute in f32 on CUDA, not in a mixture of bf16 and f32
    #[arg(long)]
    pub no_amp: bool,
    #[command(flatten)]
    pub threads: ThreadArgs,
    /// Threads that prepare images
    #[arg(long, default_value_t = 2, value_parser = number)]
    pub workers: usize,
}

/// A path that may be empty, as upstream's `--weights ''`.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "must be a whole number, 0 or more".into())
}

fn whole(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "must be a whole number".into())
}

/// No training has more, and their number times that of the batches must be one.
const MOST_EPOCHS: usize = 1_000_000;

fn epochs(text: &str) -> Result<usize, String> {
    let epochs = text.parse().ok().filter(|epochs| (1..=MOST_EPOCHS).contains(epochs));
    epochs.ok_or_else(|| format!("must be a whole number, at least 1 and at most {MOST_EPOCHS}"))
}

impl TrainArgs {
    /// What the library is asked for.
    pub fn options(&self) -> anyhow::Result<Options> {
        let TrainArgs { data, model, training, optimiser, results, device, .. } = self;
        let imgsz = data.imgsz[0];
        ensure!(
            data.imgsz.iter().all(|side| *side == imgsz),
            "--imgsz {} {}: training takes one size, the side of a square (val and detect fit images into it)",
            imgsz,
            data.imgsz[data.imgsz.len() - 1]
        );
        let batch = match data.batch_size {
            -1 => 0,
            size => usize::try_from(size)
                .ok()
                .filter(|size| *size > 0)
                .with_context(|| format!("--batch-size must be at least 1, or -1, not {size}"))?,
        };
        let save_period = match results.save_period {
            -1 => 0,
            epochs => usize::try_from(epochs).with_context(|| {
                format!("--save-period must be at least 1, or 0 or -1 for never, not {epochs}")
            })?,
        };
        let named = |path: &Option<PathBuf>| path.clone().filter(|path| !path.as_os_str().is_empty());
        Ok(Options {
            weights: named(&model.weights),
            cfg: named(&model.cfg),
            // Without it there is one to go on with.
            data: data.data.clone().unwrap_or_default(),
            hyp: named(&training.hyp),
            epochs: training.epochs,
            batch,
            imgsz,
            rect: data.rect,
            nosave: results.nosave,
            noval: results.noval,
            noautoanchor: model.noautoanchor,
            cache: data.cache,
            image_weights: data.image_weights,
            multi_scale: data.multi_scale,
            single_cls: data.single_cls,
            split: data.split,
            optimizer: optimiser.optimizer,
            workers: device.workers,
            quad: data.quad,
            cos_lr: optimiser.cos_lr,
            label_smoothing: optimiser.label_smoothing,
            patience: training.patience,
            freeze: model.freeze.clone(),
            save_period,
            seed: training.seed,
            device: Device::named(&device.device).context("--device")?,
            amp: !device.no_amp,
        })
    }
}
