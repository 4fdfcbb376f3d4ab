//! `yolo val`: how well weights find labelled objects, as `val.py` measures it.

use super::album::{Album, BATCHES};
use super::output::{general, line};
use super::plugins::{PluginArgs, notes};
use super::progress::{bar, report_split};
use super::run_folder::RunFolder;
use super::{Outcome, pixels};
use crate::autograd::Machine;
use crate::data::{Dataset, Loader, LoaderOptions, SplitName, SplitOptions};
use crate::detector::load_model;
use crate::eval::NmsOptions;
use crate::validator::{Judged, Options, Validation, validate};
use anyhow::{Context, ensure};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Which part of the data.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Task {
    Train,
    Val,
    Test,
    /// Val without padding, for its times.
    Speed,
}

/// Measure how well weights find the objects of a dataset
#[derive(clap::Args)]
pub struct ValArgs {
    /// Weights (.safetensors or .pt)
    #[arg(long, value_name = "FILE", default_value = "weights/yolov5s.safetensors")]
    weights: PathBuf,
    /// Model YAML, for weights that carry none
    #[arg(long, value_name = "FILE")]
    cfg: Option<PathBuf>,
    /// Dataset: a data.yaml, or a Pascal VOC folder
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    /// Pictures a batch
    #[arg(long, visible_alias = "batch", default_value_t = 32)]
    batch_size: usize,
    /// Longer side of the pictures in pixels
    #[arg(long, visible_aliases = ["img", "img-size"], value_parser = pixels, default_value_t = 640)]
    imgsz: usize,
    /// Least confidence of a detection
    #[arg(long, default_value_t = 0.001)]
    conf_thres: f32,
    /// Overlap (IoU) above which the weaker of two boxes is dropped
    #[arg(long, default_value_t = 0.6)]
    iou_thres: f64,
    /// cpu, or the number of a CUDA device (default: the first, if there is one, in a program built for CUDA)
    #[arg(long, default_value = "", hide_default_value = true)]
    device: String,
    /// Part of the data
    #[arg(long, value_enum, default_value = "val")]
    task: Task,
    /// All objects are of one class
    #[arg(long)]
    single_cls: bool,
    /// Print every class
    #[arg(long)]
    verbose: bool,
    /// Write labels/NAME.txt: class and box (centre, size, as shares of the picture)
    #[arg(long)]
    save_txt: bool,
    /// Write the confidence into the label files, too
    #[arg(long)]
    save_conf: bool,
    /// Write no pictures and no report
    #[arg(long)]
    nosave: bool,
    /// Threads that prepare pictures
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Results go to PROJECT/NAME
    #[arg(long, default_value = "runs/val", value_name = "FOLDER")]
    project: PathBuf,
    /// Results go to PROJECT/NAME, or NAME2, NAME3, … when it exists
    #[arg(long, default_value = "exp")]
    name: String,
    /// Write into PROJECT/NAME even if it exists
    #[arg(long)]
    exist_ok: bool,
    #[command(flatten)]
    pub plugins: PluginArgs,
}

pub fn run(args: ValArgs) -> anyhow::Result<Outcome> {
    ensure!(
        (0.0..=1.0).contains(&args.conf_thres),
        "--conf-thres must be from 0 to 1, not {}",
        args.conf_thres
    );
    ensure!((0.0..=1.0).contains(&args.iou_thres), "--iou-thres must be from 0 to 1, not {}", args.iou_thres);
    let machine = Machine::named(&args.device).context("--device")?;
    let mut registry = args.plugins.registry()?;
    let (model, state, meta) = load_model(&args.weights, args.cfg.as_deref(), &mut registry)?;
    notes(&mut registry);
    let dataset = Dataset::read(&args.data).context("--data")?;
    let detect = &model.detect;
    ensure!(
        args.single_cls || dataset.names.len() == detect.nc,
        "{} has {} classes, but {} finds {}",
        args.data.display(),
        dataset.names.len(),
        args.weights.display(),
        detect.nc
    );
    let which = match args.task {
        Task::Train => SplitName::Train,
        Task::Test => SplitName::Test,
        Task::Val | Task::Speed => SplitName::Val,
    };
    let split = dataset.split(which, SplitOptions { single_cls: args.single_cls, ..Default::default() })?;
    report_split(which, &split);
    let loader = LoaderOptions {
        imgsz: args.imgsz.next_multiple_of(detect.max_stride()),
        batch: args.batch_size,
        stride: detect.max_stride(),
        rect: true,
        pad: if args.task == Task::Speed { 0.0 } else { 0.5 },
        threads: args.workers.max(1),
        ..LoaderOptions::default()
    };
    let loader = Loader::new(split.items, loader)?;
    let mut network = machine.evaluator(&model.graph, &state, &detect.outputs)?;
    let nms = NmsOptions { conf_thres: args.conf_thres, iou_thres: args.iou_thres, ..Options::default().nms };
    let options = Options { nms, single_cls: args.single_cls };
    let folder = match args.save_txt || !args.nosave {
        true => Some(RunFolder::create(&args.project, &args.name, args.exist_ok)?),
        false => None,
    };
    let names = match (args.single_cls, meta.names) {
        (true, _) => vec!["item".to_string()],
        (false, Some(names)) if names.len() == detect.nc => names,
        _ => dataset.names,
    };
    let mut album = folder.as_ref().filter(|_| !args.nosave).map(|folder| Album::new(folder.path(), &names));
    let progress = bar(loader.batches(), "val");
    let mut failed = None;
    let mut each = |judged: &Judged| {
        if let Some(folder) = folder.as_ref().filter(|_| args.save_txt && failed.is_none()) {
            failed = save_txt(&args, folder, &loader, judged).err();
        }
        if let Some(album) = album.as_mut().filter(|_| judged.index < BATCHES && failed.is_none()) {
            failed = album.judged(&loader, judged).err();
        }
        progress.set_position(judged.index as u64 + 1);
    };
    let anchors = state.floats(detect.anchors);
    let validation = validate(&mut *network, detect, anchors, &loader, None, &options, &mut each)?;
    progress.finish_and_clear();
    failed.map_or(Ok(()), Err)?;
    if let Some(album) = &mut album {
        album.curves(&validation.summary)?;
        album.report(&validation.summary, &[("weights".into(), args.weights.display().to_string())])?;
    }
    table(&args, &validation, &names)?;
    if let Some(folder) = folder {
        eprintln!("results are in {}", folder.path().display());
    }
    Ok(Outcome::Done)
}

/// Upstream's table, and the times.
fn table(args: &ValArgs, validation: &Validation, names: &[String]) -> anyhow::Result<()> {
    let summary = &validation.summary;
    line(&format!(
        "{:>20}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}",
        "class", "images", "labels", "P", "R", "mAP50", "mAP50-95"
    ))?;
    let row = |name: &str, labels: usize, values: [f64; 4]| {
        let values = values.map(|value| format!("{value:>11.4}")).concat();
        line(&format!("{name:>20}{:>11}{labels:>11}{values}", summary.images))
    };
    row("all", summary.labels, [summary.precision, summary.recall, summary.map50, summary.map])?;
    if (args.verbose || names.len() < 50) && names.len() > 1 {
        for class in &summary.classes {
            let name = names.get(class.class).map_or("?", String::as_str);
            row(name, class.labels, [class.precision, class.recall, class.ap50, class.ap])?;
        }
    }
    let [network, boxes] =
        validation.times.map(|time| time.as_secs_f64() * 1e3 / summary.images.max(1) as f64);
    eprintln!("{network:.1} ms network, {boxes:.1} ms decoding and suppression a picture");
    Ok(())
}

/// `labels/NAME.txt` for every picture of a batch.
fn save_txt(args: &ValArgs, folder: &RunFolder, loader: &Loader, judged: &Judged) -> anyhow::Result<()> {
    for (picture, found) in judged.native.iter().enumerate() {
        let (height, width) = judged.batch.geometry[picture].original;
        let mut lines = String::new();
        for detection in found {
            let [x1, y1, x2, y2] = detection.rect.map(f64::from);
            let (w, h) = (width as f64, height as f64);
            let values = [(x1 + x2) / 2.0 / w, (y1 + y2) / 2.0 / h, (x2 - x1) / w, (y2 - y1) / h];
            write!(lines, "{}", detection.class)?;
            values.iter().try_for_each(|value| write!(lines, " {}", general(*value)))?;
            if args.save_conf {
                write!(lines, " {}", general(f64::from(detection.confidence)))?;
            }
            lines.push('\n');
        }
        folder.write_labels(&loader.items()[judged.batch.pictures[picture]].image, &lines)?;
    }
    Ok(())
}
