//! Layer normalisation over channels, and its gradients, against PyTorch's.

use serde_json::Value;
use yolo_host::exec::train_cpu::Executor;
use yolo_host::graph::{GraphBuilder, Init, Limits, Op, Role};
use yolo_host::model::State;
use yolo_tests::{golden, uniform};

/// 2 u − 1 of a stream.
fn values(key: &str, count: usize) -> Vec<f64> {
    uniform(&format!("layer_norm/{key}"), count).into_iter().map(|u| 2.0 * u - 1.0).collect()
}

#[test]
fn layer_norm_and_its_gradients_are_pytorchs() {
    let golden: Value = serde_json::from_slice(&std::fs::read(golden("layer_norm.json")).unwrap()).unwrap();
    let about = &golden["about"][0];
    let shape: [usize; 4] = serde_json::from_value(about["shape"].clone()).unwrap();
    let [batch, channels, height, width] = shape;
    let count: usize = shape.iter().product();

    let (mut builder, _) = GraphBuilder::new([1, 1, 1, 1], Limits::default());
    builder.begin_layer(0);
    let x = builder.define("", "x", &shape, Init::Constant(0.0), Role::Trainable, None).unwrap();
    let x = builder.push(Op::Parameter(x), vec![]).unwrap();
    let y = builder.layer_norm("norm", x, about["eps"].as_f64().unwrap()).unwrap();
    let graph = builder.finish();
    let mut executor = Executor::<f64>::new(&graph, &State::new(&graph, 0), &[y]).unwrap();
    let map = values("x", count).into_iter().map(|x| 3.0 * x + 5.0).collect();
    let given = [map, values("weight", channels), values("bias", channels)];
    for ((_, param, _), given) in executor.trainable().zip(&given) {
        param.copy_from_slice(given);
    }

    // The executor keeps maps channels-last.
    let pixels = height * width;
    let places =
        (0..batch).flat_map(|n| (0..channels).flat_map(move |c| (0..pixels).map(move |p| (n, c, p))));
    let places: Vec<usize> = places.map(|(n, c, p)| (n * pixels + p) * channels + c).collect();
    executor.forward(&[0.0], [1, 1, 1, 1], true).unwrap();
    let output = executor.output(y).unwrap().data.clone();
    let mut grad = vec![0.0; count];
    places.iter().zip(values("grad", count)).for_each(|(place, value)| grad[*place] = value);
    executor.backward(&[(y, &grad)]).unwrap();

    let names: Vec<&str> = graph.params.iter().map(|param| param.name.as_str()).collect();
    assert_eq!(names, ["model.0.x", "model.0.norm.weight", "model.0.norm.bias"]);
    let grads: Vec<Vec<f64>> = executor.trainable().map(|(_, _, grad)| grad.to_vec()).collect();
    let output = places.iter().map(|place| output[*place]).collect();
    for (name, ours) in ["x", "weight", "bias", "y"].into_iter().zip(grads.iter().chain([&output])) {
        let theirs: Vec<f64> = serde_json::from_value(golden[name][0].clone()).unwrap();
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (i, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            assert!((ours - theirs).abs() <= 1e-12 * theirs.abs().max(1.0), "{name}[{i}]: {ours}, {theirs}");
        }
    }
}
