//! Every layer of every golden network, and the decoded boxes, against the reference in double precision.

use candle_core::Device;
use std::path::PathBuf;
use yolo_bundle as _;
use yolo_host::autograd::Network;
use yolo_host::detector::Detector;
use yolo_host::graph::ValueId;
use yolo_tests::{
    floats, golden, golden_model, number, portable_state, read_golden, registry, report, uniform,
};

/// max|Δ| / max|reference| of a layer.
const LAYER: f32 = 1e-4;
/// Pixels of a decoded box, and score.
const BOX: f32 = 0.1;
const SCORE: f32 = 1e-4;

fn cases() -> Vec<PathBuf> {
    let files =
        std::fs::read_dir(golden("layers")).expect("goldens").map(|entry| entry.expect("goldens").path());
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    files
}

#[test]
fn every_layer_is_the_reference_s() {
    let registry = registry();
    let mut failures = Vec::new();
    for file in cases() {
        let case = file.file_stem().unwrap().to_string_lossy().to_string();
        let expected = read_golden(&file);
        let (height, width) =
            (number(&expected.meta, "height") as usize, number(&expected.meta, "width") as usize);
        let model = golden_model(&expected.meta, &registry);
        let state = portable_state(&model);
        let picture: Vec<f32> = uniform("input", 3 * height * width).into_iter().map(|u| u as f32).collect();

        let scales = floats(&expected.arrays["scale"]);
        let wanted: Vec<ValueId> =
            model.layers[..model.detect.layer].iter().map(|layer| layer.output).collect();
        assert_eq!(scales.len(), wanted.len(), "{case}: the golden has another number of layers");
        let network = Network::new(&model.graph, &state, &Device::Cpu).unwrap();
        let outputs = network.run(&picture, [1, 3, height, width], &wanted).unwrap();
        for (i, ((shape, values), scale)) in outputs.iter().zip(scales).enumerate() {
            let golden = &expected.arrays[&format!("layer.{i:02}")];
            if *shape != golden.shape {
                failures.push(format!("{case}, layer {i}: shape {shape:?}, reference {:?}", golden.shape));
                continue;
            }
            let reference: Vec<f32> = floats(golden).iter().map(|value| value * scale).collect();
            let error =
                max_difference(values, &reference) / reference.iter().fold(0.0f32, |m, v| m.max(v.abs()));
            if error.is_nan() || error > LAYER {
                failures.push(format!("{case}, layer {i} ({}): {error:.2e}", model.layers[i].block));
            }
        }

        let no = model.detect.no();
        let detector = Detector::new(model, &state, None, &Device::Cpu).unwrap();
        let decoded = detector.predict(&picture, height, width, f32::NEG_INFINITY).unwrap();
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
    }
    report(failures);
}

/// Every model file has a golden, so that a new one cannot be forgotten.
#[test]
fn every_model_has_a_golden() {
    let named: Vec<String> = cases().iter().filter_map(|file| read_golden(file).meta.model).collect();
    let missing = yolo_tests::models().into_iter().filter(|model| {
        let name = format!("models/{}", model.file_name().unwrap().to_string_lossy());
        !named.contains(&name)
    });
    report(
        missing.map(|model| format!("{}: run tests/goldens/generate.py layers", model.display())).collect(),
    );
}

fn max_difference(a: &[f32], b: &[f32]) -> f32 {
    // NaN must not hide: f32::max drops it.
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, |m, d| if d.is_nan() || d > m { d } else { m })
}
