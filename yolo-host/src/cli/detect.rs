//! `yolo detect`: objects in photographs, as `detect.py` finds and writes them.

use super::output::{general, line};
use super::plugins::{PluginArgs, notes};
use super::precision::PrecisionArgs;
use super::progress::style;
use super::run_folder::{FolderArgs, RunFolder};
use super::threads::ThreadArgs;
use super::{Outcome, pixels, trained_size};
use crate::autograd::Machine;
use crate::data::{self, Picture, read_ahead, sources};
use crate::detector::{Detector, Found, load_model};
use crate::draw;
use crate::eval::{Detection, NmsOptions};
use anyhow::{Context, bail, ensure};
use indicatif::ProgressBar;
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Find objects in photographs and write annotated pictures
#[derive(clap::Args)]
#[command(mut_arg("project", |project| project.required(false).default_value("runs/detect")))]
pub struct DetectArgs {
    /// Weights (.safetensors or .pt)
    #[arg(long, value_name = "FILE", default_value = "weights/yolov5s.safetensors")]
    weights: PathBuf,
    /// Model of weights that carry none: a YAML file, or the name of a built-in one such as yolov5s
    #[arg(long, value_name = "FILE")]
    cfg: Option<PathBuf>,
    /// A picture, a folder, or a glob such as 'photos/*.jpg'
    #[arg(long, value_name = "PATH", default_value = "tests/data/photos")]
    source: String,
    /// Size in pixels into which pictures are fitted: one number, or height and width (default: that of the weights, else 640)
    #[arg(long, visible_aliases = ["img", "img-size"], num_args = 1..=2, value_parser = pixels)]
    imgsz: Vec<usize>,
    /// Least confidence of a detection
    #[arg(long, default_value_t = 0.25)]
    conf_thres: f32,
    /// Overlap (IoU) above which the weaker of two boxes is dropped
    #[arg(long, default_value_t = 0.45)]
    iou_thres: f64,
    /// Most detections in a picture
    #[arg(long, default_value_t = 1000)]
    max_det: usize,
    /// Only these classes, by index
    #[arg(long, num_args = 1.., value_name = "CLASS")]
    classes: Option<Vec<usize>>,
    /// Boxes of different classes suppress each other, too
    #[arg(long)]
    agnostic_nms: bool,
    /// Write labels/NAME.txt: class and box (centre, size, as shares of the picture)
    #[arg(long)]
    save_txt: bool,
    /// Write the confidence into the label files, too
    #[arg(long)]
    save_conf: bool,
    /// Write each object as a picture, to crops/CLASS/
    #[arg(long)]
    save_crop: bool,
    /// Write no annotated pictures
    #[arg(long)]
    nosave: bool,
    /// Test-time augmentation: look in three sizes, once mirrored
    #[arg(long)]
    augment: bool,
    /// Width of box lines in pixels (default: by the size of the picture)
    #[arg(long, value_name = "PIXELS")]
    line_thickness: Option<usize>,
    /// Draw boxes without labels
    #[arg(long)]
    hide_labels: bool,
    /// Draw labels without confidences
    #[arg(long)]
    hide_conf: bool,
    #[command(flatten)]
    results: FolderArgs,
    #[command(flatten)]
    threads: ThreadArgs,
    /// cpu, or the number of a CUDA device (default: the first, if there is one, in a program built for CUDA)
    #[arg(long, default_value = "", hide_default_value = true)]
    device: String,
    /// Print one JSON object a picture on standard output; everything else goes to standard error
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    precision: PrecisionArgs,
    #[command(flatten)]
    pub plugins: PluginArgs,
}

pub fn run(args: DetectArgs) -> anyhow::Result<Outcome> {
    ensure!(
        (0.0..=1.0).contains(&args.conf_thres),
        "--conf-thres must be from 0 to 1, not {}",
        args.conf_thres
    );
    ensure!((0.0..=1.0).contains(&args.iou_thres), "--iou-thres must be from 0 to 1, not {}", args.iou_thres);
    let files = sources(&args.source).context("--source")?;
    let machine = Machine::named(&args.device).context("--device")?;
    args.precision.check()?;
    args.threads.start()?;
    // The first picture is read while the weights are.
    read_ahead(&files, |photos| {
        let mut registry = args.plugins.registry()?;
        let (model, state, meta) = load_model(&args.weights, args.cfg.as_deref(), &mut registry)?;
        model.check_images()?;
        let size = match args.imgsz[..] {
            [height, width] => [height, width],
            [side] => [side; 2],
            _ => [trained_size(&meta); 2],
        };
        let numbers = args.precision.numbers(&model, &state, size)?;
        let detector = Detector::with_numbers(model, state, meta.names, machine, &numbers)?;
        let detector = detector.augmented(args.augment);
        notes(&mut registry);
        Command::new(args, detector, size)?.all(&files, photos)
    })
}

/// Pictures, read ahead.
type Photos<'a> = &'a mut dyn Iterator<Item = Result<Picture, data::Error>>;

/// Everything that stays the same from picture to picture.
struct Command {
    args: DetectArgs,
    detector: Detector,
    options: NmsOptions,
    size: (usize, usize),
    folder: RunFolder,
}

impl Command {
    fn new(args: DetectArgs, detector: Detector, asked: [usize; 2]) -> anyhow::Result<Self> {
        let asked = (asked[0], asked[1]);
        let size = (detector.round_size(asked.0), detector.round_size(asked.1));
        if size != asked {
            eprintln!(
                "note: --imgsz {}×{} rounded up to {}×{}, multiples of the stride",
                asked.0, asked.1, size.0, size.1
            );
        }
        if let Some(class) = args.classes.iter().flatten().find(|class| **class >= detector.names().len()) {
            bail!("--classes {class}: the model has classes 0 to {}", detector.names().len() - 1);
        }
        let options = NmsOptions {
            conf_thres: args.conf_thres,
            iou_thres: args.iou_thres,
            max_det: args.max_det,
            classes: args.classes.clone(),
            agnostic: args.agnostic_nms,
            multi_label: false,
        };
        let folder = args.results.create()?;
        Ok(Command { args, detector, options, size, folder })
    }

    fn all(&self, files: &[PathBuf], photos: Photos) -> anyhow::Result<Outcome> {
        let bar = ProgressBar::new(files.len() as u64);
        // Hidden by itself where standard error is not a terminal.
        bar.set_style(style("{bar:30} {pos}/{len} {rate}, {eta} left"));
        let mut times = [0.0; 3];
        let mut failed = 0;
        for (i, (file, photo)) in files.iter().zip(photos).enumerate() {
            let count = format!("image {}/{} {}", i + 1, files.len(), file.display());
            match self.one(file, photo) {
                Ok((report, found)) => {
                    bar.suspend(|| self.report(&count, &report, &found))?;
                    for (total, time) in times.iter_mut().zip(found.times) {
                        *total += time.as_secs_f64() * 1e3;
                    }
                }
                Err(error) => {
                    failed += 1;
                    bar.suspend(|| eprintln!("error: {error:#}"));
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        self.summary(files.len() - failed, failed, times)?;
        Ok(if failed == 0 { Outcome::Done } else { Outcome::SomeFailed })
    }

    /// Finds and writes; returns the JSON object of the picture.
    fn one(
        &self,
        file: &Path,
        photo: Result<Picture, data::Error>,
    ) -> anyhow::Result<(serde_json::Value, Found)> {
        let photo = photo?;
        let found = self
            .detector
            .detect(&photo, self.size, &self.options)
            .with_context(|| file.display().to_string())?;
        if self.args.save_txt {
            self.folder.write_labels(file, &self.labels(&photo, &found.detections))?;
        }
        // Weakest first, so that the best box lies on top.
        if self.args.save_crop {
            for detection in found.detections.iter().rev() {
                let crop = draw::crop(&photo, detection.rect, 1.02, 10.0);
                self.folder.write_crop(file, &self.detector.names()[detection.class], &crop)?;
            }
        }
        let (width, height) = (photo.width, photo.height);
        if !self.args.nosave {
            let labels: Vec<draw::Label> = found.detections.iter().rev().map(|d| self.label(d)).collect();
            let mut annotated = photo;
            draw::boxes(&mut annotated, &labels, self.args.line_thickness);
            self.folder.write_picture(file, &annotated)?;
        }
        let detections: Vec<_> = found.detections.iter().map(|d| self.detection_json(d)).collect();
        let path = file.display().to_string();
        Ok((json!({ "path": path, "width": width, "height": height, "detections": detections }), found))
    }

    fn detection_json(&self, detection: &Detection) -> serde_json::Value {
        json!({
            "class": detection.class,
            "name": self.detector.names()[detection.class],
            "confidence": detection.confidence,
            "box": detection.rect,
        })
    }

    fn label(&self, detection: &Detection) -> draw::Label {
        let name = &self.detector.names()[detection.class];
        let text = match (self.args.hide_labels, self.args.hide_conf) {
            (true, _) => None,
            (false, true) => Some(name.clone()),
            (false, false) => Some(format!("{name} {:.2}", detection.confidence)),
        };
        draw::Label { class: detection.class, text, rect: detection.rect }
    }

    /// Lines `class x y w h [confidence]`, weakest first as `detect.py` writes them.
    fn labels(&self, photo: &Picture, detections: &[Detection]) -> String {
        let (width, height) = (photo.width as f32, photo.height as f32);
        let mut text = String::new();
        for Detection { rect: [x1, y1, x2, y2], confidence, class } in detections.iter().rev() {
            let shares =
                [(x1 + x2) / 2.0 / width, (y1 + y2) / 2.0 / height, (x2 - x1) / width, (y2 - y1) / height];
            let _ = write!(text, "{class}");
            let confidence = self.args.save_conf.then_some(*confidence);
            for value in shares.into_iter().chain(confidence) {
                let _ = write!(text, " {}", general(f64::from(value)));
            }
            text.push('\n');
        }
        text
    }

    fn report(&self, count: &str, report: &serde_json::Value, found: &Found) -> std::io::Result<()> {
        let mut classes = vec![0; self.detector.names().len()];
        for detection in &found.detections {
            classes[detection.class] += 1;
        }
        let counted = classes.iter().zip(self.detector.names()).filter(|(n, _)| **n > 0);
        let counted: Vec<String> =
            counted.map(|(n, name)| format!("{n} {name}{}", if *n > 1 { "s" } else { "" })).collect();
        let counted = if counted.is_empty() { "no detections".to_string() } else { counted.join(", ") };
        let (height, width) = found.network;
        let took = found.times[1].as_secs_f64() * 1e3;
        let text = format!("{count}: {height}×{width} {counted}, {took:.1} ms");
        if self.args.json {
            eprintln!("{text}");
            line(&report.to_string())
        } else {
            line(&text)
        }
    }

    fn summary(&self, done: usize, failed: usize, times: [f64; 3]) -> std::io::Result<()> {
        draw::font_note().inspect(|note| eprintln!("note: {note}"));
        let mut text = String::new();
        if done > 0 {
            let [pre, network, nms] = times.map(|total| total / done as f64);
            let _ = writeln!(
                text,
                "Speed: {pre:.1} ms pre-process, {network:.1} ms inference, {nms:.1} ms NMS per image"
            );
        }
        if failed > 0 {
            let _ = writeln!(text, "{failed} of {} pictures failed, see above", done + failed);
        }
        let _ = write!(text, "Results saved to {}", self.folder.path().display());
        if self.args.json {
            eprintln!("{text}");
            Ok(())
        } else {
            line(&text)
        }
    }
}
