//! `yolo val`: how well weights find labelled objects, as `val.py` measures it.

mod study;
mod subject;
mod table;

pub use subject::matched;

use super::plugins::PluginArgs;
use super::precision::PrecisionArgs;
use super::run_folder::FolderArgs;
use super::sizes::{Sides, pixels, sides, square};
use super::threads::ThreadArgs;
use super::thresholds::ThresholdArgs;
use super::val_files::ValFiles;
use super::{Outcome, check_data, facts, share, weights};
use crate::exec::Device;
use crate::validation::ValidatedBatch;
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use subject::Subject;

/// Which part of the data.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Task {
    Train,
    Val,
    Test,
    /// Val for its times: without padding, at confidence 0.25 and IoU 0.45, without images
    Speed,
    /// Val at several sizes
    Study,
}

/// Measure how well weights find the objects of a dataset
#[derive(clap::Args)]
#[command(mut_arg("conf_thres", |share| share.required(false).default_value("0.001")))]
#[command(mut_arg("iou_thres", |share| share.required(false).default_value("0.6")))]
#[command(mut_arg("project", |project| project.required(false).default_value("runs/val")))]
#[command(after_help = "Examples:
  yolo val --data FOLDER --weights best.safetensors
  yolo val --data coco128.yaml --task test --batch 16 --verbose")]
pub struct ValArgs {
    /// Weights (.safetensors, .pt, .onnx, or ncnn's .param); what several find goes into one suppression
    #[arg(long, value_name = "FILE", num_args = 1.., value_parser = weights::named(), default_value = weights::DEFAULT,
        help_heading = "Input")]
    weights: Vec<PathBuf>,
    /// Model of weights that carry none: a YAML file, or the name of a built-in one such as yolov5s
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    cfg: Option<PathBuf>,
    /// Dataset: a data.yaml, a folder with one or of Pascal VOC or COCO, or a COCO JSON
    #[arg(long, value_name = "PATH", help_heading = "Input")]
    data: PathBuf,
    /// Part of the data
    #[arg(long, value_enum, default_value = "val", help_heading = "Input")]
    task: Task,
    /// Longer side of the images in pixels [default: that of the weights, else 640]
    #[arg(long, visible_aliases = ["img", "img-size"], num_args = 1..=2, value_parser = sides, value_name = "PIXELS",
        help_heading = "Input")]
    imgsz: Vec<Sides>,
    /// Sizes of --task study in pixels [default: 256 to 1536 in steps of 128]
    #[arg(long, num_args = 1.., value_parser = pixels, value_name = "PIXELS", help_heading = "Input")]
    sizes: Option<Vec<usize>>,
    /// All objects are of one class
    #[arg(long, help_heading = "Input")]
    single_cls: bool,
    /// As in the training: where no list says which images are for validation, the share that is not
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.9, help_heading = "Input")]
    split: f64,
    #[command(flatten)]
    thresholds: ThresholdArgs,
    /// Test-time augmentation: look in three sizes, once mirrored
    #[arg(long, help_heading = "Detections")]
    augment: bool,
    /// Print every class
    #[arg(long, help_heading = "Results")]
    verbose: bool,
    /// Write labels/NAME.txt: class and box (centre, size, as shares of the image)
    #[arg(long, help_heading = "Results")]
    save_txt: bool,
    /// Write the confidence into the label files, too
    #[arg(long, help_heading = "Results")]
    save_conf: bool,
    /// As --save-txt, the labels that are there among what is found; the metrics then say nothing
    #[arg(long, help_heading = "Results")]
    save_hybrid: bool,
    /// Write WEIGHTS_predictions.json, COCO's results
    #[arg(long, help_heading = "Results")]
    save_json: bool,
    /// Write no images and no report
    #[arg(long, help_heading = "Results")]
    nosave: bool,
    #[command(flatten, next_help_heading = "Results")]
    results: FolderArgs,
    /// Images a batch
    #[arg(
        long,
        visible_alias = "batch",
        value_name = "N",
        default_value_t = 32,
        help_heading = "Computation"
    )]
    batch_size: usize,
    /// cpu, or the number of a CUDA device [default: the first, if there is one, in a program built for CUDA]
    #[arg(long, default_value = "", hide_default_value = true, help_heading = "Computation")]
    device: String,
    /// Threads that prepare images
    #[arg(long, value_name = "N", default_value_t = 2, help_heading = "Computation")]
    workers: usize,
    #[command(flatten, next_help_heading = "Computation")]
    threads: ThreadArgs,
    #[command(flatten)]
    precision: PrecisionArgs,
    #[command(flatten, next_help_heading = "Plugins")]
    pub plugins: PluginArgs,
}

pub fn run(mut args: ValArgs) -> anyhow::Result<Outcome> {
    args.thresholds.check()?;
    ensure!(args.sizes.is_none() || args.task == Task::Study, "--sizes is for --task study");
    if args.thresholds.conf_thres > 0.001 {
        eprintln!("note: metrics at --conf-thres {} leave out weak detections", args.thresholds.conf_thres);
    }
    let imgsz = square(&args.imgsz)?;
    let device = Device::named(&args.device).context("--device")?;
    args.weights.iter().try_for_each(|file| weights::there(file))?;
    check_data(&args.data)?;
    args.precision.settle(device)?;
    args.threads.start()?;
    let mut subject = Subject::new(&args, device, imgsz)?;
    if args.task == Task::Study {
        let sizes = args.sizes.clone().unwrap_or_else(|| (256..=1536).step_by(128).collect());
        study::run(&mut subject, &sizes, &args.results.create()?, (&args.data, args.first()))?;
        return Ok(Outcome::Done);
    }
    let loader = subject.loader(subject.imgsz)?;
    let mut files = args.files(&subject)?;
    let mut each =
        |validated: &ValidatedBatch| files.as_mut().map_or(Ok(()), |files| files.add(&loader, validated));
    let validation = subject.validate(&loader, &mut each)?;
    table::print(&validation, &subject.names, args.verbose)?;
    files.map_or(Ok(()), |files| files.finish(&validation, &args.weights))?;
    Ok(Outcome::Done)
}

impl ValArgs {
    /// The weights that results are named after.
    fn first(&self) -> &Path {
        self.weights.first().map_or(Path::new(""), PathBuf::as_path)
    }

    /// The files that are asked for.
    fn files(&self, subject: &Subject) -> anyhow::Result<Option<ValFiles>> {
        let txt = self.save_txt || self.save_hybrid;
        // Upstream does so by the file's name, too.
        let json = self.save_json || self.data.ends_with("coco.yaml");
        let (json, images) = (json && self.task != Task::Speed, !self.nosave && self.task != Task::Speed);
        if !(txt || json || images) {
            return Ok(None);
        }
        let mut files = ValFiles::new(self.results.create()?);
        if txt {
            files = files.txt(self.save_conf);
        }
        if json {
            files = files.json(subject.categories);
        }
        if images {
            let weights: Vec<String> = self.weights.iter().map(|file| file.display().to_string()).collect();
            let (model, weights) = (subject.detector.model(), Some(weights.join(", ")));
            let facts = facts::model(model, weights, subject.imgsz, &subject.names);
            files = files.images(&subject.names, facts);
        }
        Ok(Some(files))
    }
}
