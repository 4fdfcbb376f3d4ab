//! The engine against the plain loops in double precision, for every operation and every model.

use yolo_bundle as _;
use yolo_host::exec::engine::Engine;
use yolo_host::exec::train_cpu::Executor;
use yolo_host::image::{Image, to_planes};
use yolo_host::model::{Model, Spec};
use yolo_tests::operations;
use yolo_tests::{light_models, models, portable_state, registry, report, root, uniform};

/// Largest difference, as a share of the largest number.
const MOST: f64 = 1e-4;

fn compare(model: &Model, name: &str, shapes: &[[usize; 4]], failures: &mut Vec<String>) {
    let state = portable_state(model);
    let outputs = &model.detect.outputs;
    let mut engine = Engine::new(&model.graph, state.clone(), outputs);
    let mut reference = Executor::<f64>::new(&model.graph, &state, outputs).expect(name);
    for &shape in shapes {
        let images = uniform("pictures", shape.iter().product());
        let single: Vec<f32> = images.iter().map(|value| *value as f32).collect();
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

/// Operations, one or a few at a time, at random sizes.
#[test]
fn every_operation_matches_the_reference() {
    report(operations::missing(operations::all));
    let mut failures = vec![];
    for seed in 0..24 {
        operations::all(&mut |what, build| {
            let (graph, state, output) = operations::built(seed, build);
            let mut exact = Executor::<f64>::new(&graph, &state, &[output]).unwrap();
            exact.infer(&[0.0], [1, 1, 1, 1]).unwrap();
            let mut engine = Engine::new(&graph, state, &[output]);
            engine.run(&[0.0], [1, 1, 1, 1]).unwrap();
            let (exact, ours) = (exact.output(output).unwrap(), engine.output(0).unwrap());
            let largest = exact.data.iter().fold(0.0f64, |most, value| most.max(value.abs()));
            let near = |(a, b): (&f64, &f32)| (a - f64::from(*b)).abs() <= 1e-5 * largest;
            let fits = exact.shape == ours.shape && exact.data.len() == ours.data.len();
            if !fits || !exact.data.iter().zip(ours.data).all(near) {
                failures.push(format!("{what}, seed {seed}"));
            }
        });
    }
    report(failures);
}

#[test]
fn every_model_matches_the_reference() {
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

/// More tokens than at the size that a graph is built for.
#[test]
fn attention_is_over_all_pixels() {
    let file = root().join("models/yolov5s-transformer.yaml");
    let text =
        std::fs::read_to_string(&file).unwrap().replace("width_multiple: 0.50", "width_multiple: 0.125");
    let model = Model::build(Spec::parse(&text, "narrow").unwrap(), &registry()).unwrap();
    let mut failures = vec![];
    compare(&model, "narrow", &[[1, 3, 320, 288], [2, 3, 64, 64]], &mut failures);
    report(failures);
}

/// Sizes at which people use them; the plain loops take a minute for each model, and more without optimisation.
#[test]
#[ignore = "minutes: cargo test --release -p yolo-tests --test engine fused -- --ignored"]
fn light_models_are_the_reference_s_at_full_size() {
    let mut failures = vec![];
    for (name, model) in light_models() {
        compare(&model, &name, &[[1, model.spec.channels, 640, 640]], &mut failures);
    }
    report(failures);
}

/// Neither the number of threads nor a second run changes a bit.
#[test]
fn threads_change_nothing() {
    for (name, model) in light_models() {
        let stride = model.detect.max_stride();
        let shape = [1, model.spec.channels, 5 * stride, 7 * stride];
        let images: Vec<f32> =
            uniform("pictures", shape.iter().product()).iter().map(|value| *value as f32).collect();
        let mut engine = Engine::new(&model.graph, portable_state(&model), &model.detect.outputs);
        let mut maps = |threads: usize| -> Vec<Vec<f32>> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| engine.run(&images, shape)).expect(&name);
            let places = 0..model.detect.outputs.len();
            places.map(|place| engine.output(place).unwrap().data.to_vec()).collect()
        };
        let one = maps(1);
        assert!(one.iter().flatten().any(|value| *value != 0.0));
        for threads in [1, 2, 4] {
            assert!(one == maps(threads), "{name} with {threads} threads");
        }
    }
}

/// An image of bytes is the same image in planes, to the bit.
#[test]
fn bytes_are_planes() {
    let file = root().join("models/yolov5n.yaml");
    let model = Model::build(Spec::read(&file).unwrap(), &registry()).unwrap();
    let mut engine = Engine::new(&model.graph, portable_state(&model), &model.detect.outputs);
    let shape = [2, 3, 64, 96];
    let bytes: Vec<u8> = uniform("bytes", 2 * 3 * 64 * 96).iter().map(|u| (256.0 * u) as u8).collect();
    let planes: Vec<f32> = bytes
        .chunks(3 * 64 * 96)
        .flat_map(|rgb| to_planes(&Image { width: 96, height: 64, rgb: rgb.to_vec() }))
        .collect();
    let mut maps = |run: &dyn Fn(&mut Engine)| -> Vec<Vec<f32>> {
        run(&mut engine);
        (0..3).map(|place| engine.output(place).unwrap().data.to_vec()).collect()
    };
    let of_planes = maps(&|engine| engine.run(&planes, shape).unwrap());
    assert!(of_planes.iter().flatten().any(|value| *value != 0.0));
    assert!(of_planes == maps(&|engine| engine.run_bytes(&bytes, shape).unwrap()));
    assert!(engine.run_bytes(&bytes[1..], shape).is_err());
}
