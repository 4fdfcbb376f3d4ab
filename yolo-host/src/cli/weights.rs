//! `--weights`: read with the model that they belong to; and what to do where they are not, or do not fit.

use super::precision::PrecisionArgs;
use crate::detector::Detector;
use crate::exec::Device;
use crate::model::{self, Loaded, ModelFiles, Spec};
use crate::near::near;
use crate::plugin::Registry;
use anyhow::{bail, ensure};
use clap::builder::{OsStringValueParser, TypedValueParser};
use std::path::{Path, PathBuf};

/// The weights of detect and val where none are named.
pub const DEFAULT: &str = "weights/yolov5s.safetensors";

/// Where upstream's are.
const UPSTREAM: &str = "https://github.com/ultralytics/yolov5/releases/tag/v6.1";

/// Suffixes of what other programs run and this one does not read.
const EXPORTED: [&str; 9] =
    ["engine", "h5", "mlmodel", "pb", "pdparams", "tflite", "torchscript", "trt", "xml"];

/// No message names more files.
const SHOWN: usize = 8;

/// A file's name as tutorials give it: `--weights ''` is none, which clap would refuse as no value at all.
pub fn named() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// Reads weights and their model, or a model alone, and says where weights carry another model than the one that was asked for.
pub fn load(files: ModelFiles, registry: &mut Registry) -> anyhow::Result<Loaded> {
    files.weights.map(there).transpose()?;
    let loaded = model::load(files, registry)?;
    if let (Some(file), Some(cfg), Some(text)) = (files.weights, files.cfg, &loaded.meta.model)
        && Spec::parse(text, "").is_ok_and(|own| bare(own) != bare(loaded.model.spec.clone()))
    {
        eprintln!(
            "note: {} carry a model of their own, and {} is another; leave --cfg out to use theirs",
            file.display(),
            cfg.display()
        );
    }
    Ok(loaded)
}

/// A model without what says where it comes from.
fn bare(spec: Spec) -> Spec {
    Spec { file: String::new(), text: String::new(), plugins: vec![], ..spec }
}

/// Reads one file of weights or several, whose models look at images.
pub fn load_all(
    files: &[PathBuf],
    cfg: Option<&Path>,
    registry: &mut Registry,
) -> anyhow::Result<Vec<Loaded>> {
    ensure!(
        cfg.is_none() || files.len() == 1,
        "--cfg goes with one file of --weights: of several, each must carry its model (yolo convert adds it)"
    );
    let one = |file: &PathBuf| {
        let loaded = load(ModelFiles { weights: Some(file), cfg }, registry)?;
        loaded.model.check_images()?;
        Ok(loaded)
    };
    files.iter().map(one).collect()
}

/// A detector of all, calibrated for images of this height and width where its numbers ask for it.
pub fn detector(
    loaded: Vec<Loaded>,
    device: Device,
    precision: &PrecisionArgs,
    size: [usize; 2],
) -> anyhow::Result<Detector> {
    let mut detectors = vec![];
    for Loaded { model, state, meta } in loaded {
        let ranges = precision.ranges(&model, &state, size)?;
        let precision = precision.precision();
        detectors.push(Detector::with_precision(model, state, meta.names, device, precision, &ranges)?);
    }
    let Some(last) = detectors.pop() else { bail!("--weights names no file") };
    Ok(Detector::ensemble(detectors, last)?)
}

/// Fails if there is no such file, and says which there are.
pub fn there(file: &Path) -> anyhow::Result<()> {
    ensure!(
        !file.as_os_str().is_empty(),
        "--weights '' names no file (it is yolo train that begins without weights: --weights '' --cfg yolov5s)"
    );
    let named = file.display();
    let suffix = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    ensure!(
        file.exists() || !EXPORTED.contains(&suffix.as_str()),
        "{named}: no such file, and .{suffix} is not read: give the .pt that it was exported from, or .safetensors"
    );
    if file.is_dir() {
        let inside = weights_in(file).into_iter().chain(weights_in(&file.join("weights")));
        bail!("{named} is a folder; {}", advice(inside.collect()));
    }
    if file.exists() {
        return Ok(());
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found = weights_in(folder);
    let trained = glob::glob("runs/train/*/weights").into_iter().flatten().flatten();
    for file in [PathBuf::from("weights")].into_iter().chain(trained).flat_map(|folder| weights_in(&folder)) {
        if !found.contains(&file) {
            found.push(file);
        }
    }
    let stem = |file: &Path| file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let stems: Vec<String> = found.iter().map(|file| stem(file)).collect();
    let like = near(&stem(file), stems.iter().map(String::as_str));
    found.sort_by_key(|file| like.iter().position(|like| *like == stem(file)).unwrap_or(usize::MAX));
    let released = stem(file).starts_with("yolov5") && file.parent() == Some(Path::new(""));
    let download = if released {
        format!("; nothing is downloaded, upstream's are at {UPSTREAM}")
    } else {
        String::new()
    };
    bail!("{named}: no such file{download}; {}", advice(found))
}

/// Where weights come from.
pub fn origins() -> String {
    format!(
        "give --weights a file of yolo train (runs/train/exp/weights/best.safetensors), a checkpoint of YOLOv5 (.pt, \
         {UPSTREAM}), or one of the folder weights/ of this program's repository"
    )
}

/// Which weights to take.
fn advice(found: Vec<PathBuf>) -> String {
    if found.is_empty() {
        return origins();
    }
    let more = if found.len() > SHOWN { format!(" and {} more", found.len() - SHOWN) } else { String::new() };
    let shown: Vec<String> = found.iter().take(SHOWN).map(|file| file.display().to_string()).collect();
    format!("there are {}{more}", shown.join(", "))
}

/// Weights of a folder, sorted; states of trainings left out.
fn weights_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_weights = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        (name.ends_with(".safetensors") && !name.ends_with(".state.safetensors")) || name.ends_with(".pt")
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_weights).collect();
    files.sort();
    let here = Path::new(".");
    files.into_iter().map(|file| file.strip_prefix(here).map(Path::to_path_buf).unwrap_or(file)).collect()
}

/// Fails before the work where a file made of weights has no folder to go to, or would take their place.
pub fn writable(output: &Path, weights: &Path) -> anyhow::Result<()> {
    let same = |path: &Path| path.canonicalize().ok();
    ensure!(
        same(weights).is_none() || same(weights) != same(output),
        "{} would be written over itself: give another --output",
        weights.display()
    );
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
    ensure!(
        folder.is_none_or(Path::exists),
        "--output {}: there is no folder {}: make it, or name another",
        output.display(),
        folder.unwrap_or(output).display()
    );
    Ok(())
}
