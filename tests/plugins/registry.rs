//! Every registered block is held against something: a golden network that uses it, or the article's formula.

use std::collections::BTreeSet;
use yolo_bundle as _;
use yolo_host::model::{Model, Spec};
use yolo_tests::{exact, floats, golden, portable_state, registry, report, root, uniform};

/// Upstream's parse_model cannot place these in YAML, so no golden network has them; the tests below check them.
const BY_FORMULA: [&str; 3] = ["h_sigmoid", "h_swish", "SELayer"];

#[test]
fn every_block_is_tested() {
    let mut used: BTreeSet<String> = BY_FORMULA.iter().map(|name| name.to_string()).collect();
    let blocks = golden("blocks.yaml");
    for file in yolo_tests::models().iter().chain([&blocks]) {
        used.extend(Spec::read(file).unwrap().rows.into_iter().map(|row| row.module));
    }
    let registry = registry();
    // The suite `custom_operations` registers blocks of its own, and tests them.
    let ours = registry.iter().filter(|entry| entry.origin.plugin().0 != env!("CARGO_PKG_NAME"));
    let untested = ours.filter(|entry| !used.contains(&entry.name));
    report(
        untested
            .map(|entry| {
                let (name, origin, blocks) = (&entry.name, &entry.origin, blocks.display());
                format!("{name} ({origin}): add a row to {blocks}, or test it here and add it to BY_FORMULA")
            })
            .collect(),
    );
}

/// The output of the second row of a toy model, whose first row is a convolution to 8 channels, and that row's output.
fn run(row: &str) -> (Model, Vec<f64>, Vec<f64>) {
    let text = format!(
        "nc: 1\ndepth_multiple: 1\nwidth_multiple: 1\nanchors: 1\n\
         backbone:\n  - [-1, 1, nn.Conv2d, [3, 8, 3, 1, 1]]\n  - {row}\nhead:\n  - [[-1], 1, Detect, [nc, anchors]]\n"
    );
    let model = Model::build(Spec::parse(&text, "toy").unwrap(), &registry()).unwrap();
    let state = portable_state(&model);
    let image: Vec<f32> = uniform("input", 3 * 5 * 7).into_iter().map(|u| 12.0 * u as f32 - 6.0).collect();
    let wanted = [model.layers[0].output, model.layers[1].output];
    let outputs = exact::run(&model.graph, &state, &image, [1, 3, 5, 7], &wanted).unwrap();
    let [(_, x), (_, y)] = outputs.try_into().unwrap();
    (model, x, y)
}

/// relu6(x + 3) / 6
fn hard_sigmoid(x: f64) -> f64 {
    (x + 3.0).clamp(0.0, 6.0) / 6.0
}

fn close(ours: &[f64], reference: &[f64]) {
    assert_eq!(ours.len(), reference.len());
    for (a, b) in ours.iter().zip(reference) {
        assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{a} is not {b}");
    }
}

#[test]
fn hard_activations_match_the_article() {
    let (_, x, y) = run("[-1, 1, h_sigmoid, []]");
    assert!(x.iter().any(|v| *v < -3.0) && x.iter().any(|v| *v > 3.0), "the inputs reach both ends");
    close(&y, &x.iter().map(|v| hard_sigmoid(*v)).collect::<Vec<_>>());
    let (_, x, y) = run("[-1, 1, h_swish, []]");
    close(&y, &x.iter().map(|v| v * hard_sigmoid(*v)).collect::<Vec<_>>());
}

#[test]
fn squeeze_and_excite_match_the_article() {
    for (row, hidden) in [("[-1, 1, SELayer, []]", 2), ("[-1, 1, SELayer, [2]]", 4)] {
        let (model, x, y) = run(row);
        let arrays = portable_state(&model).to_arrays(&model.graph);
        let linear = |name: &str, x: &[f64]| -> Vec<f64> {
            let weight = floats(&arrays[&format!("model.1.fc.{name}.weight")]);
            let bias = floats(&arrays[&format!("model.1.fc.{name}.bias")]);
            let dot = |row: &[f32]| row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum::<f64>();
            weight.chunks(x.len()).zip(bias).map(|(row, bias)| dot(row) + f64::from(bias)).collect()
        };
        let means: Vec<f64> = x.chunks(35).map(|map| map.iter().sum::<f64>() / 35.0).collect();
        let squeezed: Vec<f64> = linear("0", &means).into_iter().map(|v| v.max(0.0)).collect();
        assert_eq!(squeezed.len(), hidden, "{row}");
        let weights: Vec<f64> = linear("2", &squeezed).into_iter().map(hard_sigmoid).collect();
        let reference = x.iter().enumerate().map(|(i, v)| v * weights[i / 35]);
        close(&y, &reference.collect::<Vec<_>>());
    }
}

/// New models start from the reference's distributions.
#[test]
fn initial_values_have_the_reference_s_distributions() {
    let spec = Spec::read(&root().join("models/yolov5n.yaml")).unwrap();
    let model = Model::build(spec, &registry()).unwrap();
    let arrays = yolo_host::model::State::new(&model.graph, 7).to_arrays(&model.graph);
    let values = |name: &str| floats(&arrays[name]);
    // Kaiming-uniform with a = √5: ±1/√fan_in.
    let weight = values("model.9.cv2.conv.weight");
    let bound = 1.0 / 512f32.sqrt();
    let mean_square = weight.iter().map(|v| v * v).sum::<f32>() / weight.len() as f32;
    assert!(
        weight.iter().all(|v| v.abs() <= bound) && (mean_square * 3.0 / (bound * bound) - 1.0).abs() < 0.02
    );
    assert!(values("model.0.bn.weight").iter().all(|v| *v == 1.0));
    assert!(values("model.0.bn.running_var").iter().all(|v| *v == 1.0));
    // Detect's prior: 8 objects in 640 pixels at stride 16, and 80 classes.
    let bias = values("model.24.m.1.bias");
    let bound = 1.0 / 128f32.sqrt();
    let (objectness, class) = ((8.0 / 1600f32).ln(), (0.6 / 79.000001f32).ln());
    assert!(
        (bias[4] - objectness).abs() <= bound && (bias[5] - class).abs() <= bound && bias[0].abs() <= bound
    );
    assert_eq!(values("model.24.anchors")[..2], [10.0 / 8.0, 13.0 / 8.0]);
}
