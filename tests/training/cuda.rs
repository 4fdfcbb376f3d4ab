//! Training on candle tensors beyond what the suites `gradients` and `steps` compare: mixed precision against the
//! reference's, evaluation, errors, and the whole on a GPU, if there is one.

use candle_core::{DType, Device, Tensor};
use serde_json::Value;
use yolo_bundle as _;
use yolo_host::exec::Precision;
use yolo_host::exec::candle::Executor;
use yolo_host::exec::train_cpu;
use yolo_host::graph::{ParamId, Role, ValueId};
use yolo_host::model::{Model, Spec};
use yolo_host::train::Rates;
use yolo_host::weights::Array;
use yolo_tests::training::{MODELS, Training, number, read};
use yolo_tests::{cuda, exact, floats, golden, portable_state, registry, report, root, uniform};

fn model(name: &str) -> Model {
    let spec = Spec::read(&root().join(format!("models/{name}.yaml"))).unwrap();
    Model::build(spec, &registry()).unwrap()
}

fn images(shape: [usize; 4]) -> Tensor {
    Tensor::from_vec(uniform("input", shape.iter().product()), &shape, &Device::Cpu).unwrap()
}

/// Trainable parameters in the graph's order.
fn trainable(model: &Model) -> Vec<ParamId> {
    let params = model.graph.params.iter().enumerate();
    params.filter(|(_, param)| param.role == Role::Trainable).map(|(i, _)| ParamId(i)).collect()
}

/// ‖a − b‖ and ‖b‖
fn distance(a: &[f64], b: &[f64]) -> [f64; 2] {
    let norm = |squares: f64| squares.sqrt();
    [norm(a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()), norm(b.iter().map(|b| b * b).sum())]
}

fn doubles(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// In mixed precision each model's gradient is as far from that in double precision as the reference's is in its own, and so
/// are the loss items together: one alone may be near by chance.
#[test]
fn mixed_precision_is_as_near_as_the_reference() {
    let text = std::fs::read_to_string(golden("mixed.json")).unwrap();
    let reference: Value = serde_json::from_str(&text).unwrap();
    let mut failures = Vec::new();
    let mut squares = [0.0, 0.0];
    for record in reference["cases"].as_array().unwrap() {
        let case = record["name"].as_str().unwrap();
        let golden = read(case);
        let mut exact = Training::<f64>::of(&golden);
        let mut mixed = Training::<f32, _>::on(&Device::Cpu, Precision::Bf16, &golden);
        let (items, rounded) = (exact.gradients().items, mixed.gradients().items);
        assert_eq!(mixed.trainer.output(mixed.model.detect.outputs[0]).unwrap().dtype(), DType::BF16);
        for ((exact, ours), key) in items.into_iter().zip(rounded).zip(["box", "obj", "cls"]) {
            squares[0] += (f64::from(ours) / exact - 1.0).powi(2);
            squares[1] += (number(&record[key]) / exact - 1.0).powi(2);
        }
        let all = |grads: &dyn Fn(ParamId) -> Vec<f64>| -> Vec<f64> {
            trainable(&exact.model).into_iter().flat_map(grads).collect()
        };
        let grad = |id| {
            let grad = mixed.trainer.grad(id).unwrap();
            assert_eq!(grad.dtype(), DType::F32);
            doubles(grad)
        };
        let [error, norm] = distance(&all(&grad), &all(&|id| exact.trainer.grad(id)));
        let (ours, theirs) = (error / norm, number(&record["distance"]));
        if ours.is_nan() || ours > 1.25 * theirs {
            failures.push(format!("{case}: the gradient is {ours:.3} off, in the reference {theirs:.3}"));
        }
    }
    let [ours, theirs] = squares.map(f64::sqrt);
    if ours.is_nan() || ours > 1.25 * theirs {
        failures.push(format!("the loss items are {ours:.2e} off, in the reference {theirs:.2e}"));
    }
    report(failures);
}

/// In evaluation it gives what inference gives, and what training moved is what a checkpoint gets.
#[test]
fn evaluation_and_checkpoints() {
    for name in ["yolov5n", "yolov5-shufflenetv2"] {
        let model = model(name);
        let (state, wanted) = (portable_state(&model), &model.detect.outputs);
        let shape = [2, 3, 64, 96];
        let image = images(shape);
        let mut trainer = Executor::new(&model.graph, &state, wanted, &Device::Cpu, Precision::F64).unwrap();
        trainer.forward(&image, false).unwrap();
        let single: Vec<f32> = doubles(&image).into_iter().map(|value| value as f32).collect();
        let inferred = exact::run(&model.graph, &state, &single, shape, wanted).unwrap();
        for (id, (_, inferred)) in wanted.iter().zip(&inferred) {
            let [error, norm] = distance(&doubles(trainer.output(*id).unwrap()), inferred);
            assert!(error <= 1e-6 * norm, "{name}: {error} of {norm}");
        }
        let mut kernels = train_cpu::Executor::<f64>::new(&model.graph, &state, wanted).unwrap();
        for _ in 0..2 {
            trainer.forward(&image, true).unwrap();
            kernels.forward(&doubles(&image), shape, true).unwrap();
        }
        let (ours, theirs) = (trainer.to_arrays().unwrap(), kernels.to_arrays());
        assert!(ours.keys().eq(theirs.keys()));
        for (key, array) in &ours {
            let single = |array: &Array| floats(array).into_iter().map(f64::from).collect::<Vec<f64>>();
            let [error, norm] = distance(&single(array), &single(&theirs[key]));
            assert!(
                array.shape == theirs[key].shape && error <= 1e-6 * norm,
                "{name}, {key}: {error} of {norm}"
            );
        }
        let counter = ours.keys().find(|key| key.ends_with("num_batches_tracked")).unwrap();
        assert_eq!(floats(&ours[counter]), [2.0]);
        // Another trainer with these values, as an average of them is validated.
        let mut other = Executor::new(&model.graph, &state, wanted, &Device::Cpu, Precision::F64).unwrap();
        other.values_mut().clone_from_slice(trainer.values());
        *other.batches_mut() = 2;
        assert!(other.to_arrays().unwrap() == ours);
        for trainer in [&mut trainer, &mut other] {
            trainer.forward(&image, false).unwrap();
        }
        let last = |trainer: &Executor| doubles(trainer.output(wanted[2]).unwrap());
        assert!(last(&trainer) == last(&other) && trainer.grads_mut().len() == model.graph.params.len());
    }
}

/// Every mistake is an error that says what is wrong.
#[test]
fn mistakes_are_told() {
    use std::error::Error;
    let model = model("yolov5n");
    let outputs = &model.detect.outputs;
    let state = portable_state(&model);
    let mut trainer = Executor::new(&model.graph, &state, outputs, &Device::Cpu, Precision::F32).unwrap();
    let told = |error: yolo_host::exec::Error| {
        format!("{error}: {}", error.source().map(|source| source.to_string()).unwrap_or_default())
    };
    let nothing = Tensor::zeros((1, 1), DType::F32, &Device::Cpu).unwrap();
    let early = told(trainer.backward(&[(outputs[0], nothing.clone())]).unwrap_err());
    assert!(early.contains("an input is missing"), "{early}");
    let small = told(trainer.forward(&images([1, 3, 40, 64]), true).unwrap_err());
    assert!(small.contains("the input does not fit the network: layer"), "{small}");
    let one = told(trainer.forward(&images([1, 3, 32, 32]), true).unwrap_err());
    assert!(one.contains("batch norm needs more than one value a channel"), "{one}");
    trainer.forward(&images([2, 3, 64, 64]), true).unwrap();
    let shape = told(trainer.backward(&[(outputs[0], nothing)]).unwrap_err());
    assert!(shape.contains("a gradient [1, 1] was given for a tensor [2, 255, 8, 8]"), "{shape}");
    let grad = trainer.output(outputs[0]).unwrap().ones_like().unwrap();
    let not_asked_for = ValueId(outputs[0].0 - 1);
    assert!(told(trainer.backward(&[(not_asked_for, grad.clone())]).unwrap_err()).contains("missing"));
    trainer.backward(&[(outputs[0], grad.clone())]).unwrap();
    let again = told(trainer.backward(&[(outputs[0], grad.clone())]).unwrap_err());
    assert!(again.contains("the forward pass"), "{again}");
    // After evaluation there is no way back through batch norm.
    trainer.forward(&images([2, 3, 64, 64]), false).unwrap();
    assert!(told(trainer.backward(&[(outputs[0], grad)]).unwrap_err()).contains("the forward pass"));
}

/// On a GPU, in single precision: every gradient as far from the CPU's as the reference's single precision is from its
/// double, running statistics, and the losses of three steps.
#[test]
fn a_gpu_agrees_with_the_cpu() {
    let Some(device) = cuda() else { return };
    let one = |case: &&str| {
        let golden = read(case);
        let mut here = Training::<f32>::of(&golden);
        let mut there = Training::<f32, _>::on(&device, Precision::F32, &golden);
        let mut failures = Vec::new();
        let lr = 0.01;
        for step in 0..3 {
            let (ours, theirs) = (here.gradients().total, there.gradients().total);
            if (ours - theirs).abs() > [1e-5, 1e-3, 1e-2][step] * ours {
                failures.push(format!("{case}, step {step}: {theirs} on the GPU, {ours} on the CPU"));
            }
            if step == 0 {
                failures.extend(compare(case, &golden, &here, &there));
            }
            let rates = Rates { weight: lr, bias: lr, momentum: 0.937, decay: 5e-4 };
            here.step(&rates);
            there.step(&rates);
        }
        failures
    };
    report(MODELS.iter().chain(&["blocks", "yolov5s-transformer"]).flat_map(one).collect());
}

fn compare(case: &str, golden: &Value, here: &Training<f32>, there: &Training<f32, Executor>) -> Vec<String> {
    let total = number(&golden["loss"][0]["gradient_norm"]);
    let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<f64>>();
    let params = &here.model.graph.params;
    let id = |record: &Value| {
        let name = record["name"].as_str().unwrap();
        (name.to_string(), ParamId(params.iter().position(|param| param.name == name).unwrap()))
    };
    let gradient = |record: &Value| {
        let (name, id) = id(record);
        let [error, norm] = distance(&doubles(there.trainer.grad(id).unwrap()), &wide(here.trainer.grad(id)));
        let limit = (1e-3 * norm).max(8.0 * number(&record["f32_distance"])).max(1e-6 * total);
        (error.is_nan() || error > limit)
            .then(|| format!("{case}, {name}: {error:e} of {norm:e}, limit {limit:.1e}"))
    };
    let running = |record: &Value| {
        let (name, id) = id(record);
        let [error, norm] =
            distance(&doubles(there.trainer.param(id).unwrap()), &wide(here.trainer.param(id)));
        (error.is_nan() || error > 1e-5 * norm).then(|| format!("{case}, {name}: {error:e} of {norm:e}"))
    };
    let gradients = golden["parameters"].as_array().unwrap().iter().filter_map(gradient);
    gradients.chain(golden["buffers"].as_array().unwrap().iter().filter_map(running)).collect()
}
