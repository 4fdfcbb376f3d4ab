//! The engine against the plain loops in double precision, for every model.

use yolo_bundle as _;
use yolo_host::autograd::cpu::Trainer;
use yolo_host::engine::Engine;
use yolo_host::model::{Model, Spec};
use yolo_tests::{models, portable_state, registry, report, uniform};

/// Largest difference, as a share of the largest number.
const MOST: f64 = 1e-4;

fn compare(model: &Model, name: &str, shapes: &[[usize; 4]], failures: &mut Vec<String>) {
    let state = portable_state(model);
    let outputs = &model.detect.outputs;
    let mut engine = Engine::new(&model.graph, state.clone(), outputs);
    let mut reference = Trainer::<f64>::new(&model.graph, &state, outputs).expect(name);
    for &shape in shapes {
        let pictures = uniform("pictures", shape.iter().product());
        let single: Vec<f32> = pictures.iter().map(|value| *value as f32).collect();
        let double: Vec<f64> = single.iter().map(|value| f64::from(*value)).collect();
        engine.run(&single, shape).expect(name);
        reference.infer(&double, shape).expect(name);
        for (place, id) in outputs.iter().enumerate() {
            let (ours, theirs) = (engine.output(place).expect(name), reference.output(*id).expect(name));
            assert_eq!(ours.shape, theirs.shape);
            assert_eq!(ours.data.len(), theirs.data.len());
            let largest = theirs.data.iter().fold(0.0f64, |most, value| most.max(value.abs()));
            let both = ours.data.iter().zip(&theirs.data);
            let most =
                both.map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, |most: f64, value| most.max(value));
            if most.is_nan() || most > MOST * largest {
                failures.push(format!("{name} at {shape:?}, output {place}: {:.1e}", most / largest));
            }
        }
    }
}

#[test]
fn every_model_is_the_reference_s() {
    let registry = registry();
    let mut failures = vec![];
    for file in models() {
        let name = file.display().to_string();
        let model = Model::build(Spec::read(&file).expect(&name), &registry).expect(&name);
        let (stride, channels) = (model.detect.max_stride(), model.spec.channels);
        // The plain loops take their time.
        let shapes = match model.graph.parameters(None) {
            0..10_000_000 => vec![[1, channels, 2 * stride, 3 * stride], [2, channels, stride, stride]],
            _ => vec![[1, channels, stride, 2 * stride]],
        };
        compare(&model, &name, &shapes, &mut failures);
    }
    report(failures);
}
