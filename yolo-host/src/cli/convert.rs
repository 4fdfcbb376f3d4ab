//! `yolo convert`: any weights to a safetensors file that describes itself.

use super::output::{line, thousands};
use super::plugins::{PluginArgs, notes};
use super::weights::{load, named, writable};
use super::{Outcome, pixels};
use crate::model::{Loaded, ModelFiles};
use crate::weights::{self, Checkpoint, Dtype, Meta};
use anyhow::{Context, ensure};
use std::path::PathBuf;

/// Write weights of any form (.pt, .safetensors, .onnx, ncnn) as safetensors that carry their model, class names and licence
#[derive(clap::Args)]
pub struct ConvertArgs {
    /// Weights to read: a YOLOv5 checkpoint or state_dict (.pt), safetensors, or a network that was exported to ONNX
    /// (.onnx) or ncnn (.param, with .bin beside it)
    #[arg(long, value_name = "FILE", value_parser = named())]
    weights: PathBuf,
    /// File to write (.safetensors)
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Model of weights that carry none: a YAML file, or the name of a built-in one such as yolov5s
    #[arg(long, value_name = "FILE")]
    cfg: Option<PathBuf>,
    /// Class names, for weights that carry none
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    names: Option<Vec<String>>,
    /// Size of the images in pixels that the weights were trained with
    #[arg(long, visible_aliases = ["img", "img-size"], value_parser = pixels)]
    imgsz: Option<usize>,
    /// Licence of the weights
    #[arg(long)]
    licence: Option<String>,
    /// Store 16-bit floats: half the size
    #[arg(long)]
    half: bool,
    #[command(flatten)]
    pub plugins: PluginArgs,
}

pub fn run(args: ConvertArgs) -> anyhow::Result<Outcome> {
    let extension = args.output.extension().and_then(|extension| extension.to_str());
    ensure!(extension == Some("safetensors"), "--output {} must end in .safetensors", args.output.display());
    writable(&args.output, &args.weights)?;
    ensure!(
        !args.output.exists() || weights::is_safetensors_file(&args.output),
        "{} is there and is no safetensors file: it is not replaced; give another --output",
        args.output.display()
    );
    let mut registry = args.plugins.registry()?;
    let files = ModelFiles { weights: Some(&args.weights), cfg: args.cfg.as_deref() };
    let Loaded { model, state, meta: read } = load(files, &mut registry)?;
    notes(&mut registry);
    let names = args.names.or(read.names);
    if let Some(names) = &names {
        ensure!(
            names.len() == model.spec.nc,
            "the model finds {} classes, and {} names were given or are there; give one each with --names",
            model.spec.nc,
            names.len()
        );
    }
    let meta = Meta {
        model: Some(model.spec.text.clone()),
        names,
        imgsz: args.imgsz.or(read.imgsz).or(Some(640)),
        licence: args.licence.or(read.licence),
        plugins: model.plugins.clone(),
        extra: read.extra,
    };
    let checkpoint = Checkpoint { arrays: state.to_arrays(&model.graph), meta, ..Checkpoint::default() };
    let precision = if args.half { Dtype::F16 } else { Dtype::F32 };
    weights::write(&args.output, &checkpoint, precision)?;
    let bytes = std::fs::metadata(&args.output).with_context(|| args.output.display().to_string())?.len();
    line(&format!(
        "{}: {} tensors, {} parameters, {:.1} MB",
        args.output.display(),
        checkpoint.arrays.len(),
        thousands(model.graph.parameters(None)),
        bytes as f64 / 1e6
    ))?;
    Ok(Outcome::Done)
}
