//! `yolo val`: how well weights find labelled objects, as `val.py` measures it.

use super::output::{line, padded};
use super::plugins::{PluginArgs, notes};
use super::precision::PrecisionArgs;
use super::progress::{bar, report_split};
use super::run_folder::FolderArgs;
use super::threads::ThreadArgs;
use super::val_files::ValFiles;
use super::{Outcome, facts, pixels, share, study, trained_size};
use crate::autograd::{Evaluator, Machine};
use crate::classes::ClassMap;
use crate::data::{Dataset, Item, Loader, LoaderOptions, SplitName, SplitOptions};
use crate::detector::load_model;
use crate::eval::NmsOptions;
use crate::model::Model;
use crate::report::coco::Categories;
use crate::validator::{Judged, Options, Validation, validate};
use crate::weights::Meta;
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};

/// Which part of the data.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Task {
    Train,
    Val,
    Test,
    /// Val for its times: without padding, at confidence 0.25 and IoU 0.45, without pictures
    Speed,
    /// Val at several sizes
    Study,
}

/// Measure how well weights find the objects of a dataset
#[derive(clap::Args)]
#[command(mut_arg("project", |project| project.required(false).default_value("runs/val")))]
pub struct ValArgs {
    /// Weights (.safetensors or .pt)
    #[arg(long, value_name = "FILE", default_value = "weights/yolov5s.safetensors")]
    weights: PathBuf,
    /// Model of weights that carry none: a YAML file, or the name of a built-in one such as yolov5s
    #[arg(long, value_name = "FILE")]
    cfg: Option<PathBuf>,
    /// Dataset: a data.yaml, a folder with one or of Pascal VOC or COCO, or a COCO JSON
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    /// Pictures a batch
    #[arg(long, visible_alias = "batch", default_value_t = 32)]
    batch_size: usize,
    /// Longer side of the pictures in pixels (default: that of the weights, else 640)
    #[arg(long, visible_aliases = ["img", "img-size"], value_parser = pixels)]
    imgsz: Option<usize>,
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
    /// Sizes of --task study in pixels (default: 256 to 1536 in steps of 128)
    #[arg(long, num_args = 1.., value_parser = pixels, value_name = "PIXELS")]
    sizes: Option<Vec<usize>>,
    /// All objects are of one class
    #[arg(long)]
    single_cls: bool,
    /// As in the training: where no list says which images are for validation, the share that is not
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.9)]
    split: f64,
    /// Test-time augmentation: look in three sizes, once mirrored
    #[arg(long)]
    augment: bool,
    /// Print every class
    #[arg(long)]
    verbose: bool,
    /// Write labels/NAME.txt: class and box (centre, size, as shares of the picture)
    #[arg(long)]
    save_txt: bool,
    /// Write the confidence into the label files, too
    #[arg(long)]
    save_conf: bool,
    /// As --save-txt, the labels that are there among what is found; the metrics then say nothing
    #[arg(long)]
    save_hybrid: bool,
    /// Write WEIGHTS_predictions.json, COCO's results
    #[arg(long)]
    save_json: bool,
    /// Write no pictures and no report
    #[arg(long)]
    nosave: bool,
    /// Threads that prepare pictures
    #[arg(long, default_value_t = 2)]
    workers: usize,
    #[command(flatten)]
    threads: ThreadArgs,
    #[command(flatten)]
    results: FolderArgs,
    #[command(flatten)]
    precision: PrecisionArgs,
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
    ensure!(args.sizes.is_none() || args.task == Task::Study, "--sizes is for --task study");
    if args.conf_thres > 0.001 {
        eprintln!("note: metrics at --conf-thres {} leave out weak detections", args.conf_thres);
    }
    args.threads.start()?;
    let mut subject = Subject::new(&args)?;
    if args.task == Task::Study {
        let sizes = args.sizes.clone().unwrap_or_else(|| (256..=1536).step_by(128).collect());
        study::run(&mut subject, &sizes, &args.results.create()?, (&args.data, &args.weights))?;
        return Ok(Outcome::Done);
    }
    let loader = subject.loader(subject.imgsz)?;
    let mut files = args.files(&subject)?;
    let mut each = |judged: &Judged| files.as_mut().map_or(Ok(()), |files| files.add(&loader, judged));
    let validation = subject.validate(&loader, &mut each)?;
    table(&args, &validation, &subject.names)?;
    files.map_or(Ok(()), |files| files.finish(&validation, &args.weights))?;
    Ok(Outcome::Done)
}

impl ValArgs {
    /// The files that are asked for.
    fn files(&self, subject: &Subject) -> anyhow::Result<Option<ValFiles>> {
        let txt = self.save_txt || self.save_hybrid;
        // Upstream does so by the file's name, too.
        let json = self.save_json || self.data.ends_with("coco.yaml");
        let (json, pictures) = (json && self.task != Task::Speed, !self.nosave && self.task != Task::Speed);
        if !(txt || json || pictures) {
            return Ok(None);
        }
        let mut files = ValFiles::new(self.results.create()?);
        if txt {
            files = files.txt(self.save_conf);
        }
        if json {
            files = files.json(subject.categories);
        }
        if pictures {
            let weights = Some(self.weights.display().to_string());
            let facts = facts::model(&subject.model, weights, subject.imgsz, &subject.names);
            files = files.pictures(&subject.names, facts);
        }
        Ok(Some(files))
    }
}

/// A network, and the pictures that it is judged on.
pub struct Subject {
    model: Model,
    network: Box<dyn Evaluator>,
    anchors: Vec<f32>,
    items: Vec<Item>,
    names: Vec<String>,
    categories: Categories,
    options: Options,
    /// Of its loaders; sizes are their own.
    loading: LoaderOptions,
    /// Unless other sizes are asked for.
    imgsz: usize,
}

impl Subject {
    fn new(args: &ValArgs) -> anyhow::Result<Self> {
        let machine = Machine::named(&args.device).context("--device")?;
        args.precision.check()?;
        let mut registry = args.plugins.registry()?;
        let (model, state, meta) = load_model(&args.weights, args.cfg.as_deref(), &mut registry)?;
        notes(&mut registry);
        model.check_images()?;
        let dataset = Dataset::read(&args.data).context("--data")?;
        dataset.notes.iter().for_each(|note| eprintln!("note: {note}"));
        let detect = &model.detect;
        let classes = match args.single_cls {
            true => None,
            false => Some(matched(&args.weights, (&meta, detect.nc), &args.data, &dataset)?),
        };
        let which = match args.task {
            Task::Train => SplitName::Train,
            Task::Test => SplitName::Test,
            Task::Val | Task::Speed | Task::Study => SplitName::Val,
        };
        let split = dataset.split(
            which,
            SplitOptions { single_cls: args.single_cls, share: args.split, ..Default::default() },
        )?;
        report_split(which, &split);
        let speed = args.task == Task::Speed;
        let (conf_thres, iou_thres) = if speed { (0.25, 0.45) } else { (args.conf_thres, args.iou_thres) };
        let nms = NmsOptions { conf_thres, iou_thres, ..Options::default().nms };
        let (single_cls, augment, hybrid) = (args.single_cls, args.augment, args.save_hybrid);
        let loading = LoaderOptions {
            channels: model.spec.channels,
            batch: args.batch_size,
            stride: detect.max_stride(),
            rect: true,
            pad: if speed { 0.0 } else { 0.5 },
            threads: args.workers.max(1),
            ..LoaderOptions::default()
        };
        let imgsz = match (args.imgsz, args.task) {
            (Some(imgsz), _) => imgsz,
            (None, Task::Study) => 640,
            (None, _) => trained_size(&meta),
        };
        let numbers = args.precision.numbers(&model, &state, [imgsz; 2])?;
        Ok(Subject {
            anchors: state.floats(detect.anchors).to_vec(),
            network: machine.evaluator(&model.graph, state, &detect.outputs, &numbers)?,
            items: split.items,
            categories: if dataset.is_coco() { Categories::Coco91 } else { Categories::Classes },
            names: match &classes {
                None => vec!["item".to_string()],
                Some(classes) => classes.names(meta.names.as_deref(), &dataset.names),
            },
            options: Options { nms, single_cls, augment, hybrid, classes },
            loading,
            imgsz,
            model,
        })
    }

    /// Its pictures at a size, which is rounded up to the stride.
    pub fn loader(&self, imgsz: usize) -> anyhow::Result<Loader> {
        let imgsz = imgsz.next_multiple_of(self.loading.stride);
        Ok(Loader::new(self.items.clone(), LoaderOptions { imgsz, ..self.loading.clone() })?)
    }

    /// Judges the network; `each` sees every batch until it fails.
    pub fn validate(
        &mut self,
        loader: &Loader,
        each: &mut dyn FnMut(&Judged) -> anyhow::Result<()>,
    ) -> anyhow::Result<Validation> {
        let progress = bar(loader.batches(), "val");
        let mut seen = Ok(());
        let mut watch = |judged: &Judged| {
            if seen.is_ok() {
                seen = each(judged);
            }
            progress.set_position(judged.index as u64 + 1);
        };
        let detect = &self.model.detect;
        let validation =
            validate(&mut *self.network, detect, &self.anchors, loader, None, &self.options, &mut watch)?;
        progress.finish_and_clear();
        seen.map(|()| validation)
    }
}

/// Which of the weights' classes are those of the data, with a note where that is not as it seems.
pub fn matched(
    weights: &Path,
    (meta, nc): (&Meta, usize),
    data: &Path,
    dataset: &Dataset,
) -> anyhow::Result<ClassMap> {
    let classes = ClassMap::new(meta.names.as_deref(), nc, &dataset.names)
        .with_context(|| format!("{} with {}", weights.display(), data.display()))?;
    if let Some(note) = classes.note() {
        eprintln!("note: {note} ({} with {})", weights.display(), data.display());
    }
    Ok(classes)
}

/// Upstream's table, and the times.
fn table(args: &ValArgs, validation: &Validation, names: &[String]) -> anyhow::Result<()> {
    let summary = &validation.summary;
    line(&format!(
        "{:>20}{:>8}{:>8}{:>9}{:>9}{:>9}{:>10}",
        "class", "images", "labels", "P", "R", "mAP50", "mAP50-95"
    ))?;
    let row = |name: &str, labels: usize, [p, r, map50, map]: [f64; 4]| {
        let name = padded(name, 20);
        line(&format!("{name}{:>8}{labels:>8}{p:>9.4}{r:>9.4}{map50:>9.4}{map:>10.4}", summary.images))
    };
    row("all", summary.labels, [summary.precision, summary.recall, summary.map50, summary.map])?;
    if (args.verbose || names.len() < 50) && names.len() > 1 {
        for class in &summary.classes {
            let name = names.get(class.class).map_or("?", String::as_str);
            row(name, class.labels, [class.precision, class.recall, class.ap50, class.ap])?;
        }
    }
    let [network, boxes] = validation.milliseconds();
    eprintln!("{network:.1} ms network, {boxes:.1} ms decoding and suppression an image");
    Ok(())
}
