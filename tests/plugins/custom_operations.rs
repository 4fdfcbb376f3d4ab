//! Operations of a plugin's own: linked in or from a library, forward against a formula, backward against differences.

use candle_core::{Device, Tensor};
use std::path::PathBuf;
use std::sync::Arc;
use yolo_host::exec::{self, Precision, candle, train_cpu};
use yolo_host::graph::{CustomOp, Op, View};
use yolo_host::model::{Model, Spec};
use yolo_host::plugin::Registry;
use yolo_plugin::{Args, Block, Builder, Gradient, Input, Operation, Param, Value, register};
use yolo_tests::plugins::{compile, example_in_rust};
use yolo_tests::{exact, portable_state, registry, uniform};

/// a·bⁿ of two tensors of one shape, linked in.
static SCALED: Operation = Operation::new("scaled_power", same_shape, scaled).backward(scaled_backward);

/// Cannot be trained or exported.
static ROUNDED: Operation = Operation::new("rounded", same_shape, |inputs, _, output| {
    for (y, x) in output.iter_mut().zip(inputs[0].data) {
        *y = x.round();
    }
    Ok(())
});

static SCALED_POWER: Block = Block::new("ScaledPower", "a·bⁿ of two layers", scaled_power)
    .params(&[
        Param::int("n").help("exponent"),
        Param::int("refuse").or_int(0).help("elements from which to fail"),
    ])
    .inputs(2, 2);
static ROUND: Block = Block::new("Round", "to whole numbers", |b, x, _| b.custom(&ROUNDED, x, &[]));
register!(SCALED_POWER, ROUND);

fn scaled_power(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    b.custom(&SCALED, x, &[args.int("n") as f64, args.int("refuse") as f64])
}

fn same_shape(inputs: &[&[usize]], _: &[f64]) -> Result<Vec<usize>, String> {
    match inputs.iter().all(|shape| *shape == inputs[0]) {
        true => Ok(inputs[0].to_vec()),
        false => Err(format!("needs one shape, not {inputs:?}")),
    }
}

fn scaled(inputs: &[Input], numbers: &[f64], output: &mut [f32]) -> Result<(), String> {
    if numbers[1] > 0.0 && output.len() >= numbers[1] as usize {
        return Err(format!("{} elements are too many", output.len()));
    }
    for ((y, a), b) in output.iter_mut().zip(inputs[0].data).zip(inputs[1].data) {
        *y = a * b.powi(numbers[0] as i32);
    }
    Ok(())
}

fn scaled_backward(given: &Gradient, grad_inputs: &mut [&mut [f32]]) -> Result<(), String> {
    let (a, b, n) = (given.inputs[0].data, given.inputs[1].data, given.numbers[0] as i32);
    // An input that wants no gradient has no elements, and the loop none either.
    for (i, da) in grad_inputs[0].iter_mut().enumerate() {
        *da = given.grad[i] * b[i].powi(n);
    }
    for (i, db) in grad_inputs[1].iter_mut().enumerate() {
        *db = given.grad[i] * a[i] * n as f32 * b[i].powi(n - 1);
    }
    Ok(())
}

/// A model of these rows.
fn model(rows: &str, registry: &Registry) -> Result<Model, yolo_host::model::Error> {
    let text = format!(
        "nc: 1\ndepth_multiple: 1\nwidth_multiple: 1\nanchors: 1\nbackbone:\n{rows}\n\
         head:\n  - [[-1], 1, Detect, [nc, anchors]]\n"
    );
    Model::build(Spec::parse(&text, "toy.yaml").unwrap(), registry)
}

const TWO_LAYERS: &str = "  - [-1, 1, nn.Conv2d, [3, 4, 3, 1, 1]]\n  - [0, 1, nn.Conv2d, [4, 4, 1]]\n";

fn custom(model: &Model) -> Arc<dyn CustomOp> {
    let custom = model.graph.nodes.iter().find_map(|node| match &node.op {
        Op::Custom(custom) => Some(custom.clone()),
        _ => None,
    });
    custom.expect("the model has a custom operation")
}

/// Compares `backward` with central differences of `forward`, weighted by a random gradient.
fn check_gradient(custom: &dyn CustomOp, inputs: &[Vec<f32>], shape: &[usize]) {
    let forward = |inputs: &[Vec<f32>]| {
        let views: Vec<View> = inputs.iter().map(|values| (shape, values.as_slice())).collect();
        custom.forward(&views, shape).unwrap()
    };
    let output = forward(inputs);
    let grad: Vec<f32> = uniform("grad", output.len()).into_iter().map(|u| u as f32 - 0.5).collect();
    let views: Vec<View> = inputs.iter().map(|values| (shape, values.as_slice())).collect();
    let grads = custom.backward(&views, (shape, &output), &grad, &vec![true; inputs.len()]).unwrap();
    for (i, ours) in grads.iter().enumerate() {
        for (j, ours) in ours.iter().enumerate() {
            let weighted = |step: f32| -> f64 {
                let mut moved = inputs.to_vec();
                moved[i][j] += step;
                forward(&moved).iter().zip(&grad).map(|(y, g)| f64::from(*y) * f64::from(*g)).sum()
            };
            let numeric = (weighted(0.01) - weighted(-0.01)) / 0.02;
            assert!((f64::from(*ours) - numeric).abs() < 2e-3, "input {i}, element {j}: {ours}, {numeric}");
        }
    }
    // One that is not wanted is left out, and the others stay.
    let wanted: Vec<bool> = (0..inputs.len()).map(|i| i != 0).collect();
    let some = custom.backward(&views, (shape, &output), &grad, &wanted).unwrap();
    assert!(some[0].is_empty() && some[1..] == grads[1..]);
}

fn values(key: &str, count: usize) -> Vec<f32> {
    uniform(key, count).into_iter().map(|u| 4.0 * u as f32 - 2.0).collect()
}

#[test]
fn one_that_is_linked_in() {
    let model = model(&format!("{TWO_LAYERS}  - [[0, 1], 1, ScaledPower, [3]]"), &registry()).unwrap();
    let state = portable_state(&model);
    let wanted: Vec<_> = model.layers[..3].iter().map(|layer| layer.output).collect();
    // Other sizes than the one with which the graph was built, and two images.
    for shape in [[1, 3, 5, 7], [2, 3, 4, 9]] {
        let image = values("input", shape.iter().product());
        let outputs = exact::run(&model.graph, &state, &image, shape, &wanted).unwrap();
        let [(_, a), (_, b), (_, y)] = &outputs[..] else { panic!("three outputs") };
        for ((a, b), y) in a.iter().zip(b).zip(y) {
            assert!((a * b * b * b - y).abs() <= 1e-5 * y.abs().max(1.0), "{a}·{b}³ is not {y}");
        }
    }
    check_gradient(&*custom(&model), &[values("a", 12), values("b", 12)], &[1, 2, 2, 3]);
}

/// In both ways of training the gradient goes through it to the layers before.
#[test]
fn one_that_is_trained_through() {
    let model = model(&format!("{TWO_LAYERS}  - [[0, 1], 1, ScaledPower, [3]]"), &registry()).unwrap();
    let (state, output, shape) = (portable_state(&model), model.layers[2].output, [2, 3, 4, 5]);
    let image: Vec<f64> = uniform("input", shape.iter().product());
    let mut kernels = train_cpu::Executor::<f64>::new(&model.graph, &state, &[output]).unwrap();
    kernels.forward(&image, shape, true).unwrap();
    let ones = vec![1.0; kernels.output(output).unwrap().data.len()];
    kernels.backward(&[(output, &ones)]).unwrap();
    let precision = Precision::F64;
    let mut tensors =
        candle::Executor::new(&model.graph, &state, &[output], &Device::Cpu, precision).unwrap();
    tensors.forward(&Tensor::from_vec(image, &shape, &Device::Cpu).unwrap(), true).unwrap();
    let ones = tensors.output(output).unwrap().ones_like().unwrap();
    tensors.backward(&[(output, ones)]).unwrap();
    let grads: Vec<_> = tensors.trainable().map(|(id, _, grad)| (id, grad.clone())).collect();
    let mut moved = 0;
    for (id, grad) in grads {
        let grad: Vec<f64> = grad.flatten_all().unwrap().to_vec1().unwrap();
        let largest = grad.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        moved += usize::from(largest > 0.1);
        // The operation itself computes in single precision.
        let near = |(a, b): (&f64, f64)| (a - b).abs() <= 1e-5 * (1.0 + largest);
        assert!(grad.iter().zip(kernels.grad(id)).all(near), "{}", model.graph.params[id.0].name);
    }
    assert!(moved >= 4, "weights and biases of both layers");
}

fn with_library(library: PathBuf) -> Registry {
    let mut registry = registry();
    registry.load(&library).unwrap();
    registry
}

#[test]
fn one_of_a_library_in_rust() {
    let registry = with_library(example_in_rust("fasternet", true));
    let rows = "  - [-1, 1, nn.Conv2d, [3, 8, 3, 1, 1]]\n  - [-1, 1, FasterNet_Block, [2, 4, gelu]]";
    let model = model(rows, &registry).unwrap();
    let gelu = custom(&model);
    check_gradient(&*gelu, &[values("x", 24)], &[2, 3, 4]);
    // torch.nn.functional.gelu of −3, −1, −0.1, 0, 0.5, 2
    let x = [-3.0, -1.0, -0.1, 0.0, 0.5, 2.0];
    let reference = [-0.004_049_7, -0.158_655_26, -0.046_017_22, 0.0, 0.345_731_23, 1.954_499_8];
    let y = gelu.forward(&[(&[6], &x)], &[6]).unwrap();
    assert!(y.iter().zip(reference).all(|(y, r): (&f32, f32)| (y - r).abs() < 1e-6), "{y:?}");
    assert!(model.graph.check_trainable().is_ok() && model.graph.check_exportable().is_ok());
}

/// Leaky square in C: x² above zero, a·x² below, with its gradient.
const IN_C: &str = r#"
#include "yolo_plugin.h"
static uint32_t shape(const void *user, yolo_op_call *call)
{
    (void)user;
    call->output->rank = call->inputs[0].rank;
    memcpy(call->output->shape, call->inputs[0].shape, sizeof call->output->shape);
    return YOLO_STATUS_OK;
}
static uint32_t forward(const void *user, yolo_op_call *call)
{
    (void)user;
    for (size_t i = 0; i < call->output->len; i++) {
        float x = call->inputs[0].data[i];
        call->output->data[i] = x * x * (x > 0 ? 1.0f : (float)call->attributes[0]);
    }
    return YOLO_STATUS_OK;
}
static uint32_t backward(const void *user, yolo_op_call *call)
{
    (void)user;
    for (size_t i = 0; i < call->grad_inputs[0].len; i++) {
        float x = call->inputs[0].data[i];
        call->grad_inputs[0].data[i] =
            2 * x * call->grad_output->data[i] * (x > 0 ? 1.0f : (float)call->attributes[0]);
    }
    return YOLO_STATUS_OK;
}
static const yolo_op op = { .struct_size = sizeof(yolo_op), .name = YOLO_STR("leaky_square"), .shape = shape,
    .onnx = YOLO_STR(""), .forward = forward, .backward = backward };
static yolo_value build(const void *user, const yolo_call *call)
{
    (void)user;
    double leak = 0.25;
    return call->host->custom(call->graph, &op, call->inputs, 1, &leak, 1);
}
static const yolo_block block = { .struct_size = sizeof(yolo_block), .name = YOLO_STR("LeakySquare"),
    .help = YOLO_STR(""), .min_inputs = 1, .max_inputs = 1, .build = build };
static const yolo_block *const blocks[] = { &block };
static const yolo_plugin plugin = { .abi_version = YOLO_ABI_VERSION, .struct_size = sizeof(yolo_plugin),
    .name = YOLO_STR("square"), .version = YOLO_STR("1"), .blocks = blocks, .blocks_len = 1 };
const yolo_plugin *yolo_plugin_entry(void) { return &plugin; }
"#;

#[test]
fn one_of_a_library_in_c() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("square.c");
    std::fs::write(&source, IN_C).unwrap();
    let registry = with_library(compile("cc", &source, folder.path(), &[]));
    let model = model("  - [-1, 2, LeakySquare, []]", &registry).unwrap();
    let square = custom(&model);
    assert_eq!(square.forward(&[(&[3], &[-2.0, 0.0, 3.0])], &[3]).unwrap(), [1.0, 0.0, 9.0]);
    check_gradient(&*square, &[values("x", 12)], &[3, 4]);
    assert!(model.graph.check_trainable().is_ok());
    let message = model.graph.check_exportable().unwrap_err().to_string();
    assert_eq!(
        message,
        "layer 0: custom operation `leaky_square` has no ONNX operator, so that the model cannot be exported"
    );
}

#[test]
fn one_without_backward_cannot_be_trained() {
    let model = model(&format!("{TWO_LAYERS}  - [-1, 1, Round, []]"), &registry()).unwrap();
    let message = model.graph.check_trainable().unwrap_err().to_string();
    assert_eq!(
        message,
        "layer 2: custom operation `rounded` has no backward, so that the model cannot be trained"
    );
    let error = custom(&model).backward(&[(&[1], &[0.4])], (&[1], &[0.0]), &[1.0], &[true]).unwrap_err();
    assert!(error.to_string().contains("`rounded`: has no backward"), "{error}");
}

#[test]
fn errors_name_layer_and_operation() {
    use std::error::Error;
    let unequal = "  - [-1, 1, nn.Conv2d, [3, 4, 3, 1, 1]]\n  - [0, 1, nn.Conv2d, [4, 4, 2, 2]]\n";
    let error = model(&format!("{unequal}  - [[0, 1], 1, ScaledPower, [3]]"), &registry()).unwrap_err();
    assert_eq!(error.to_string(), "toy.yaml, backbone row 2, layer 2 (ScaledPower)");
    let source = error.source().unwrap().to_string();
    assert!(source.starts_with("scaled_power: needs one shape, not [[1, 4, 256, 256]"), "{source}");

    let model = model(&format!("{TWO_LAYERS}  - [[0, 1], 1, ScaledPower, [1, 100]]"), &registry()).unwrap();
    let (state, wanted) = (portable_state(&model), [model.layers[2].output]);
    let run = |images: &[f32], shape| exact::run(&model.graph, &state, images, shape, &wanted);
    assert!(run(&values("input", 48), [1, 3, 4, 4]).is_ok());
    let error = run(&values("input", 108), [1, 3, 6, 6]).unwrap_err();
    assert!(matches!(error, exec::Error::Custom { layer: 2, .. }), "{error:?}");
    let source = error.source().unwrap().to_string();
    assert_eq!(source, "custom operation `scaled_power`: 144 elements are too many");
}

/// Tensors that do not fit are refused before a plugin sees them.
#[test]
fn tensors_that_do_not_fit_are_refused() {
    let model = model(&format!("{TWO_LAYERS}  - [-1, 1, Round, []]"), &registry()).unwrap();
    let rounded = custom(&model);
    assert!(rounded.forward(&[(&[2, 2], &[1.0])], &[2, 2]).is_err());
    assert!(rounded.forward(&[(&[1; 9], &[1.0])], &[1]).is_err());
    assert!(rounded.shape(&[&[1; 9]]).is_err());
}
