//! A model against what the reference made of it: every layer and the decoded boxes, or its figures.

use crate::{exact, floats, golden, golden_model, number, portable_state, read_golden, root, uniform};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use yolo_host::detector::Detector;
use yolo_host::exec::Device;
use yolo_host::graph::{Param, ValueId};
use yolo_host::model::{Model, Spec};
use yolo_host::plugin::Registry;

/// max|Δ| / max|reference| of a layer.
const LAYER: f32 = 1e-4;
/// Pixels of a decoded box, and score.
const BOX: f32 = 0.1;
const SCORE: f32 = 1e-4;

/// The goldens of networks in a folder.
pub fn networks(folder: &str) -> Vec<PathBuf> {
    let files =
        std::fs::read_dir(golden(folder)).expect("goldens").map(|entry| entry.expect("goldens").path());
    let mut files: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|extension| extension == "safetensors")).collect();
    files.sort();
    files
}

/// Where the network of a golden differs from it.
pub fn layer_failures(file: &Path, registry: &Registry) -> Vec<String> {
    let mut failures = Vec::new();
    let case = file.file_stem().unwrap_or_default().to_string_lossy();
    let expected = read_golden(file);
    let (height, width) =
        (number(&expected.meta, "height") as usize, number(&expected.meta, "width") as usize);
    let model = golden_model(&expected.meta, registry);
    let state = portable_state(&model);
    let image = image(height, width);

    let scales = floats(&expected.arrays["scale"]);
    let wanted: Vec<ValueId> = model.layers[..model.detect.layer].iter().map(|layer| layer.output).collect();
    assert_eq!(scales.len(), wanted.len(), "{case}: the golden has another number of layers");
    let shape = [1, 3, height, width];
    let outputs = exact::run(&model.graph, &state, &image, shape, &wanted).expect("it runs");
    for (i, ((shape, values), scale)) in outputs.iter().zip(scales).enumerate() {
        let golden = &expected.arrays[&format!("layer.{i:02}")];
        if *shape != golden.shape {
            failures.push(format!("{case}, layer {i}: shape {shape:?}, reference {:?}", golden.shape));
            continue;
        }
        let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
        let reference: Vec<f32> = floats(golden).iter().map(|value| value * scale).collect();
        let error =
            max_difference(&values, &reference) / reference.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        if error.is_nan() || error > LAYER {
            failures.push(format!("{case}, layer {i} ({}): {error:.2e}", model.layers[i].block));
        }
    }

    let no = model.detect.no();
    let detector = Detector::new(model, state, None, Device::Cpu).expect("a detector");
    let decoded = detector.predict(&image, height, width, f32::NEG_INFINITY).expect("it runs");
    let reference = floats(&expected.arrays["decoded"]);
    assert_eq!(decoded.len(), reference.len(), "{case}: decoded rows");
    for (part, limit) in [(0..4, BOX), (4..no, SCORE)] {
        let pick = |rows: &[f32]| -> Vec<f32> {
            rows.chunks(no).flat_map(|row| row[part.clone()].to_vec()).collect()
        };
        let error = max_difference(&pick(&decoded), &pick(&reference));
        if error.is_nan() || error > limit {
            failures.push(format!("{case}, decoded columns {part:?}: {error:.2e}"));
        }
    }
    failures
}

/// The image of the goldens.
pub fn image(height: usize, width: usize) -> Vec<f32> {
    uniform("input", 3 * height * width).into_iter().map(|u| u as f32).collect()
}

fn max_difference(a: &[f32], b: &[f32]) -> f32 {
    // NaN must not hide: f32::max drops it.
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, |m, d| if d.is_nan() || d > m { d } else { m })
}

/// The reference's figures in a file of goldens, one record a model.
pub fn records(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(golden(file)).expect("goldens");
    let json: Value = serde_json::from_str(&text).expect("goldens");
    json["statistics"].as_array().expect("statistics").clone()
}

/// One line `NAME d0,d1,…` for each entry of the state_dict, sorted by name.
pub fn state_dict(model: &Model) -> String {
    let line = |param: &Param| {
        let shape: Vec<String> = param.shape.iter().map(usize::to_string).collect();
        format!("{} {}\n", param.name, shape.join(","))
    };
    let mut params: Vec<_> = model.graph.params.iter().collect();
    params.sort_by(|a, b| a.name.cmp(&b.name));
    params.into_iter().map(line).collect()
}

/// Where the figures of a record's model differ from it.
pub fn figure_failures(record: &Value, registry: &Registry) -> Vec<String> {
    let mut failures = Vec::new();
    let file = record["model"].as_str().expect("a record names its model");
    let case = format!("{file} nc {}", record["nc"]);
    let mut spec = Spec::read(&root().join(file)).expect("a model file");
    spec.nc = record["nc"].as_u64().expect("nc") as usize;
    let model = Model::build(spec, registry).unwrap_or_else(|error| panic!("{error:?}"));
    let ours = model.statistics(640).expect("statistics");
    let mut equal = |what: &str, ours: Value, reference: &Value| {
        if ours != *reference {
            failures.push(format!("{case}: {what} {ours}, reference {reference}"));
        }
    };
    equal("parameters", ours.parameters.into(), &record["parameters"]);
    let layers: Vec<usize> = ours.rows.iter().map(|row| row.parameters).collect();
    equal("parameters by layer", layers.into(), &record["layer_params"]);
    let strides: Vec<u64> = ours.strides.iter().map(|stride| *stride as u64).collect();
    let reference = record["strides"].as_array().expect("strides");
    let reference: Vec<u64> = reference.iter().map(|s| s.as_f64().expect("a stride") as u64).collect();
    equal("strides", strides.into(), &reference.into());
    equal("state_dict entries", model.graph.params.len().into(), &record["state_dict_entries"]);
    let digest: String =
        Sha256::digest(state_dict(&model)).iter().map(|byte| format!("{byte:02x}")).collect();
    equal("names and shapes", digest.into(), &record["state_dict_sha256"]);

    // The reference's hooks do not see attention; its share stands beside.
    let attention = record.get("attention_gflops").and_then(Value::as_f64).unwrap_or(0.0);
    let reference = record["gflops"].as_f64().expect("gflops") + attention;
    if (ours.gflops / reference - 1.0).abs() > 0.001 {
        failures.push(format!("{case}: {} GFLOPs, reference {reference}", ours.gflops));
    }
    failures
}
