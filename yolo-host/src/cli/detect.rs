//! `yolo detect`: objects in photographs, as `detect.py` finds and writes them.

mod each;

use self::each::Command;
use super::plugins::{PluginArgs, notes};
use super::precision::PrecisionArgs;
use super::run_folder::FolderArgs;
use super::sizes::{Sides, pair, sides};
use super::threads::ThreadArgs;
use super::thresholds::ThresholdArgs;
use super::{Outcome, trained_size, weights};
use crate::exec::Device;
use crate::image::{Sources, counted, read_ahead};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};

/// The photographs of the repository, for a first try.
const PHOTOS: &str = "data/images";

/// Find objects in photographs and write annotated images
#[derive(clap::Args)]
#[command(mut_arg("conf_thres", |share| share.required(false).default_value("0.25")))]
#[command(mut_arg("iou_thres", |share| share.required(false).default_value("0.45")))]
#[command(mut_arg("project", |project| project.required(false).default_value("runs/detect")))]
#[command(after_help = "Examples:
  yolo detect --source photo.jpg
  yolo detect --weights best.safetensors --source photos/ 'more/*.png' list.txt --conf 0.4 --save-txt
  yolo detect --classes person dog --json --nosave")]
pub struct DetectArgs {
    /// Weights (.safetensors, .pt, .onnx, or ncnn's .param); what several find goes into one suppression
    #[arg(long, value_name = "FILE", num_args = 1.., value_parser = weights::named(), default_value = weights::DEFAULT,
        help_heading = "Input")]
    weights: Vec<PathBuf>,
    /// Model of weights that carry none: a YAML file, or the name of a built-in one such as yolov5s
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    cfg: Option<PathBuf>,
    /// Images, folders, globs such as 'photos/*.jpg', or lists of these in files .txt [default: the photographs of this
    /// program's repository]
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = "Input")]
    source: Vec<String>,
    /// Size in pixels into which images are fitted: one number, or height and width [default: that of the weights, else
    /// 640]
    #[arg(long, visible_aliases = ["img", "img-size"], num_args = 1..=2, value_parser = sides, value_name = "PIXELS",
        help_heading = "Input")]
    imgsz: Vec<Sides>,
    #[command(flatten)]
    thresholds: ThresholdArgs,
    /// Most detections in an image
    #[arg(long, value_name = "N", default_value_t = 1000, help_heading = "Detections")]
    max_det: usize,
    /// Only these classes, by name or number
    #[arg(long, num_args = 1.., value_name = "CLASS", help_heading = "Detections")]
    classes: Vec<String>,
    /// Boxes of different classes suppress each other, too
    #[arg(long, help_heading = "Detections")]
    agnostic_nms: bool,
    /// Test-time augmentation: look in three sizes, once mirrored
    #[arg(long, help_heading = "Detections")]
    augment: bool,
    /// Write labels/NAME.txt: class and box (centre, size, as shares of the image)
    #[arg(long, help_heading = "Results")]
    save_txt: bool,
    /// Write the confidence into the label files, too
    #[arg(long, help_heading = "Results")]
    save_conf: bool,
    /// Write each object as an image, to crops/CLASS/
    #[arg(long, help_heading = "Results")]
    save_crop: bool,
    /// Write no annotated images
    #[arg(long, help_heading = "Results")]
    nosave: bool,
    /// Print one JSON object an image on standard output; everything else goes to standard error
    #[arg(long, help_heading = "Results")]
    json: bool,
    /// Width of box lines in pixels [default: by the size of the image]
    #[arg(long, value_name = "PIXELS", help_heading = "Results")]
    line_thickness: Option<usize>,
    /// Draw boxes without labels
    #[arg(long, help_heading = "Results")]
    hide_labels: bool,
    /// Draw labels without confidences
    #[arg(long, help_heading = "Results")]
    hide_conf: bool,
    /// Upstream's; there is no window here
    #[arg(long, hide = true)]
    view_img: bool,
    #[command(flatten, next_help_heading = "Results")]
    results: FolderArgs,
    /// cpu, or the number of a CUDA device [default: the first, if there is one, in a program built for CUDA]
    #[arg(long, default_value = "", hide_default_value = true, help_heading = "Computation")]
    device: String,
    #[command(flatten, next_help_heading = "Computation")]
    threads: ThreadArgs,
    #[command(flatten)]
    precision: PrecisionArgs,
    #[command(flatten, next_help_heading = "Plugins")]
    pub plugins: PluginArgs,
}

pub fn run(mut args: DetectArgs) -> anyhow::Result<Outcome> {
    args.thresholds.check()?;
    let asked = pair(&args.imgsz)?;
    let files = args.files()?;
    args.weights.iter().try_for_each(|file| weights::there(file))?;
    let device = Device::named(&args.device).context("--device")?;
    args.precision.settle(device)?;
    if args.view_img {
        eprintln!("note: --view-img: there is no window; annotated images are written as files");
    }
    args.threads.start()?;
    // The first image is read while the weights are.
    read_ahead(&files, |photos| {
        let mut registry = args.plugins.registry()?;
        let loaded = weights::load_all(&args.weights, args.cfg.as_deref(), &mut registry)?;
        let size = asked.unwrap_or_else(|| [loaded.last().map_or(640, |last| trained_size(&last.meta)); 2]);
        let detector = weights::detector(loaded, device, &args.precision, size)?.augmented(args.augment);
        notes(&mut registry);
        Command::new(args, detector, size)?.all(&files, photos)
    })
}

impl DetectArgs {
    /// The images.
    fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let photos = [PHOTOS.to_string()];
        let named = match self.source[..] {
            [] if Path::new(PHOTOS).is_dir() => &photos[..],
            [] => bail!(
                "name what to look at with --source: an image, a folder of images, a glob or a list in a file .txt{}",
                match self.weights.iter().find(|file| !file.exists()) {
                    Some(file) => format!("; and as there is no {}, {}", file.display(), weights::origins()),
                    None => String::new(),
                }
            ),
            _ => &self.source[..],
        };
        let Sources { files, others } = Sources::find(named).context("--source")?;
        // Beside the repository's own photographs lies what says where they come from.
        if !others.is_empty() && !self.source.is_empty() {
            eprintln!("note: left out, as they are no images: {}", counted(&others));
        }
        Ok(files)
    }
}
