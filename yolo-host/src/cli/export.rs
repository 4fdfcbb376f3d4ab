//! `yolo export`: a model with its weights as a file of another runtime.

use super::output::line;
use super::plugins::{PluginArgs, notes};
use super::precision::calibration_images;
use super::sizes::{Sides, pair, rounded, sides};
use super::thresholds::ThresholdArgs;
use super::weights::{DEFAULT, load, named, writable};
use super::{Outcome, trained_size};
use crate::eval::NmsOptions;
use crate::export::onnx::{self, Int8, OPSETS, Outputs, Runtime};
use crate::export::{Calibration, ncnn};
use crate::model::{Loaded, ModelFiles};
use anyhow::{Context, ensure};
use clap::ValueEnum;
use clap::builder::PossibleValue;
use std::path::{Path, PathBuf};

/// Write a model with its weights for another runtime, batch norm folded: ONNX or ncnn
#[derive(clap::Args)]
#[command(mut_arg("conf_thres", |arg| arg.required(false).default_value("0.25").requires("nms").conflicts_with("raw").help_heading("Boxes")))]
#[command(mut_arg("iou_thres", |arg| arg.required(false).default_value("0.45").requires("nms").conflicts_with("raw").help_heading("Boxes")))]
pub struct ExportArgs {
    /// Weights to export (.safetensors, .pt, .onnx, or ncnn's .param); of several, each becomes a file
    #[arg(long, value_name = "FILE", num_args = 1.., value_parser = named(), default_value = DEFAULT)]
    weights: Vec<PathBuf>,
    /// Model of weights that carry none: a YAML file, or the name of a built-in one such as yolov5s
    #[arg(long, value_name = "FILE")]
    cfg: Option<PathBuf>,
    /// File to write [default: beside the weights, ending in .onnx, or in .ncnn.param with .ncnn.bin and .ncnn.names]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What to write
    #[arg(long, visible_alias = "include", value_enum, default_value = "onnx")]
    format: Format,
    /// Size of the images in pixels, rounded up to the stride: one number, or height and width [default: as trained]
    #[arg(long, visible_aliases = ["img", "img-size"], num_args = 1..=2, value_parser = sides)]
    imgsz: Vec<Sides>,
    /// Images at once (ONNX)
    #[arg(long, visible_alias = "batch", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    batch_size: u16,
    /// Leave batch, height and width free (ONNX)
    #[arg(long)]
    dynamic: bool,
    /// Weights as 16-bit floats; in ONNX input and output, too
    #[arg(long)]
    half: bool,
    /// Convolutions in whole numbers of 8 bits, with ranges from the images of --calibrate
    #[arg(long, conflicts_with = "half", requires = "calibrate")]
    int8: bool,
    /// Images of the kind that will come, for --int8: a file, a folder or a glob; of more than 64 some, evenly
    #[arg(long, value_name = "SOURCE", requires = "int8")]
    calibrate: Option<String>,
    /// Runtime that the file of --int8 is laid out for; others run it, too, but slower
    #[arg(long, value_enum, default_value = "onnxruntime", requires = "int8")]
    runtime: Runtime,
    /// Version of ONNX's operator set, 13 to 20 [default: 17]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(OPSETS))]
    opset: Option<i64>,
    /// The raw maps instead of decoded boxes
    #[arg(long, visible_alias = "train", conflicts_with = "nms", help_heading = "Boxes")]
    raw: bool,
    /// Non-maximum suppression in the file: rows of left, top, right, bottom, confidence, class
    #[arg(long, help_heading = "Boxes")]
    nms: bool,
    #[command(flatten)]
    thresholds: ThresholdArgs,
    /// Most detections of an image, for --nms
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..),
        requires = "nms",
        conflicts_with = "raw",
        help_heading = "Boxes"
    )]
    max_det: u32,
    /// Boxes of different classes suppress each other, too, for --nms
    #[arg(long, requires = "nms", conflicts_with = "raw", help_heading = "Boxes")]
    agnostic_nms: bool,
    #[command(flatten)]
    pub plugins: PluginArgs,
}

impl ValueEnum for Runtime {
    fn value_variants<'a>() -> &'a [Self] {
        &Runtime::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Runtime::OnnxRuntime => PossibleValue::new("onnxruntime").help("ONNX Runtime on a CPU"),
            Runtime::OpenVino => PossibleValue::new("openvino").help("OpenVINO"),
            Runtime::TensorRt => PossibleValue::new("tensorrt").help("TensorRT: zero is 0"),
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One file for ONNX Runtime, OpenVINO, TensorRT and others
    Onnx,
    /// A .param, the .bin of its weights and the .names of its classes
    Ncnn,
}

impl Format {
    fn ending(self) -> &'static str {
        match self {
            Format::Onnx => "onnx",
            Format::Ncnn => "param",
        }
    }
}

pub fn run(args: ExportArgs) -> anyhow::Result<Outcome> {
    args.thresholds.check()?;
    ensure!(
        args.weights.len() == 1 || (args.output.is_none() && args.cfg.is_none()),
        "--output and --cfg go with one file of --weights"
    );
    ensure!(
        !args.dynamic || (args.batch_size == 1 && args.imgsz.is_empty()),
        "--dynamic leaves batch and size free: leave --batch-size and --imgsz out"
    );
    if args.format == Format::Ncnn {
        ensure!(!args.int8, "int8 is written as ONNX; for ncnn its own ncnn2int8 makes it: leave --int8 out");
        ensure!(!args.nms, "ncnn has no layer for suppression: leave --nms out");
        ensure!(args.opset.is_none(), "--opset is ONNX's: leave it out");
        ensure!(args.batch_size == 1, "ncnn takes one image at a time: leave --batch-size out");
        ensure!(
            !args.dynamic,
            "an ncnn file has no free sizes (with --raw it runs at others, too): leave --dynamic out"
        );
    }
    for weights in &args.weights {
        one(&args, weights)?;
    }
    Ok(Outcome::Done)
}

fn one(args: &ExportArgs, weights: &Path) -> anyhow::Result<()> {
    let ending = args.format.ending();
    let beside = match args.format {
        Format::Onnx => weights.with_extension("onnx"),
        Format::Ncnn => {
            let bare = weights.with_extension("");
            let bare = if bare.extension().is_some_and(|end| end == "ncnn") {
                bare.with_extension("")
            } else {
                bare
            };
            let name = bare.file_name().unwrap_or_default().to_string_lossy();
            bare.with_file_name(format!("{name}.ncnn.param"))
        }
    };
    let output = args.output.clone().unwrap_or(beside);
    let extension = output.extension().and_then(|extension| extension.to_str());
    ensure!(extension == Some(ending), "--output {} must end in .{ending}", output.display());
    writable(&output, weights)?;
    let mut registry = args.plugins.registry()?;
    let mut loaded = load(ModelFiles { weights: Some(weights), cfg: args.cfg.as_deref() }, &mut registry)?;
    // Another number of names, which loading has noted, would be read as those of other classes.
    loaded.meta.names = loaded.meta.names.filter(|names| names.len() == loaded.model.detect.nc);
    notes(&mut registry);
    let asked = pair(&args.imgsz)?.unwrap_or_else(|| [trained_size(&loaded.meta); 2]);
    let size = asked.map(|side| side.next_multiple_of(loaded.model.detect.max_stride()));
    if let Some(note) = rounded(asked, size) {
        eprintln!("note: {note}");
    }
    let channels = loaded.model.spec.channels;
    let written = match args.format {
        Format::Onnx => as_onnx(args, &output, loaded, size),
        Format::Ncnn => as_ncnn(args, &output, loaded, size),
    };
    let bytes = written.with_context(|| format!("{} cannot be exported", weights.display()))?;
    let shape = match args.dynamic {
        true => "batch, height and width free".to_string(),
        false => format!("{}×{channels}×{}×{}", args.batch_size, size[0], size[1]),
    };
    let kind = match args.format {
        Format::Onnx => format!("opset {}, ", args.opset()),
        Format::Ncnn => String::new(),
    };
    line(&format!("{}: {kind}images {shape}, {:.1} MB", output.display(), bytes as f64 / 1e6))?;
    Ok(())
}

fn as_onnx(args: &ExportArgs, output: &Path, loaded: Loaded, size: [usize; 2]) -> anyhow::Result<usize> {
    let outputs = match (args.raw, args.nms) {
        (true, _) => Outputs::Raw,
        (false, false) => Outputs::Decoded,
        (false, true) => Outputs::Nms(NmsOptions {
            conf_thres: args.thresholds.conf_thres,
            iou_thres: args.thresholds.iou_thres,
            max_det: args.max_det as usize,
            agnostic: args.agnostic_nms,
            ..NmsOptions::default()
        }),
    };
    let int8 = args.calibrate.as_deref().map(|source| int8(&loaded, source, size, args.runtime));
    let options = onnx::Options {
        int8: int8.transpose().context("--calibrate")?,
        opset: args.opset(),
        batch: args.batch_size.into(),
        size,
        dynamic: args.dynamic,
        half: args.half,
        outputs,
        names: loaded.meta.names,
    };
    Ok(onnx::save(output, &loaded.model, loaded.state, &options)?)
}

fn as_ncnn(args: &ExportArgs, output: &Path, loaded: Loaded, size: [usize; 2]) -> anyhow::Result<usize> {
    let options = ncnn::Options { size, half: args.half, raw: args.raw, names: loaded.meta.names };
    Ok(ncnn::save(output, &loaded.model, loaded.state, &options)?)
}

impl ExportArgs {
    fn opset(&self) -> i64 {
        self.opset.unwrap_or(onnx::Options::default().opset)
    }
}

/// The ranges of the network's maps on images.
fn int8(loaded: &Loaded, source: &str, size: [usize; 2], runtime: Runtime) -> anyhow::Result<Int8> {
    let mut calibration = Calibration::new(&loaded.model, loaded.state.clone());
    calibration_images(&loaded.model, source, size, |images, shape| calibration.run(images, shape))?;
    Ok(Int8 { ranges: calibration.into_ranges(), runtime })
}
