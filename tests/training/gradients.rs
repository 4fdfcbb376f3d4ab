//! The gradient of every operation against central differences in double precision, over random shapes: in training on the
//! CPU, and in training on candle tensors: with this crate's kernels in cuDNN's place, and on a GPU, if there is one.

use candle_core::{DType, Device, Tensor};
use proptest::prelude::*;
use std::fmt::Display;
use std::sync::LazyLock;
use yolo_host::exec::{Precision, candle, train_cpu};
use yolo_host::graph::{Graph, ValueId};
use yolo_host::model::State;
use yolo_host::random::Stream;
use yolo_tests::operations::{self, Build, Check, built};
use yolo_tests::report;

/// What a reverse pass gives; where it lacks a tensor, which list that should stand in.
fn passed<T, E: Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}; does Op::gradient_reads say all that the gradient reads?"))
}

/// A way to train: its parameters are numbered, in an order of elements of its own.
trait Way {
    fn new(graph: &Graph, state: &State, output: ValueId, device: &Device) -> Self;
    fn forward(&mut self, output: ValueId) -> Vec<f64>;
    /// The name of each parameter, and its gradient.
    fn backward(&mut self, output: ValueId, grad: &[f64]) -> Vec<(String, Vec<f64>)>;
    fn change(&mut self, param: usize, element: usize, step: f64);
}

impl Way for train_cpu::Executor<f64> {
    fn new(graph: &Graph, state: &State, output: ValueId, _: &Device) -> Self {
        train_cpu::Executor::new(graph, state, &[output]).unwrap()
    }

    fn forward(&mut self, output: ValueId) -> Vec<f64> {
        train_cpu::Executor::forward(self, &[0.0], [1, 1, 1, 1], true).unwrap();
        self.output(output).unwrap().data.clone()
    }

    fn backward(&mut self, output: ValueId, grad: &[f64]) -> Vec<(String, Vec<f64>)> {
        passed(train_cpu::Executor::backward(self, &[(output, grad)]));
        let grads: Vec<_> = self.trainable().map(|(id, _, grad)| (id, grad.to_vec())).collect();
        grads.into_iter().map(|(id, grad)| (self.graph().params[id.0].name.clone(), grad)).collect()
    }

    fn change(&mut self, param: usize, element: usize, step: f64) {
        self.trainable().nth(param).unwrap().1[element] += step;
    }
}

fn values(x: &Tensor) -> Vec<f64> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

impl Way for candle::Executor {
    fn new(graph: &Graph, state: &State, output: ValueId, device: &Device) -> Self {
        candle::Executor::new(graph, state, &[output], device, Precision::F64).unwrap()
    }

    fn forward(&mut self, output: ValueId) -> Vec<f64> {
        let image = Tensor::zeros((1, 1, 1, 1), DType::F64, &Device::Cpu).unwrap();
        candle::Executor::forward(self, &image, true).unwrap();
        values(self.output(output).unwrap())
    }

    fn backward(&mut self, output: ValueId, grad: &[f64]) -> Vec<(String, Vec<f64>)> {
        let shape = self.output(output).unwrap().shape().clone();
        let grad = Tensor::from_slice(grad, shape, &Device::Cpu).unwrap();
        passed(candle::Executor::backward(self, &[(output, grad)]));
        let grads: Vec<_> = self.trainable().map(|(id, _, grad)| (id, values(grad))).collect();
        grads.into_iter().map(|(id, grad)| (self.graph().params[id.0].name.clone(), grad)).collect()
    }

    fn change(&mut self, param: usize, element: usize, step: f64) {
        let (_, tensor, _) = self.trainable().nth(param).unwrap();
        let mut changed = values(tensor);
        changed[element] += step;
        *tensor = Tensor::from_vec(changed, tensor.shape(), tensor.device()).unwrap();
    }
}

/// Compares the gradients of all parameters of what `build` makes with differences of a random weighted sum of its output.
fn check(seed: u64, what: &str, build: Build) -> Result<(), TestCaseError> {
    check_way::<train_cpu::Executor<f64>>(seed, what, &Device::Cpu, build)?;
    check_way::<candle::Executor>(seed, &format!("{what}, on candle tensors"), &Device::Cpu, build)?;
    match GPU.as_ref() {
        Some(gpu) => check_way::<candle::Executor>(seed, &format!("{what}, on the GPU"), gpu, build),
        None => Ok(()),
    }
}

static GPU: LazyLock<Option<Device>> = LazyLock::new(yolo_tests::cuda);

fn check_way<W: Way>(seed: u64, what: &str, device: &Device, build: Build) -> Result<(), TestCaseError> {
    let (graph, state, output) = built(seed, build);
    let mut trainer = W::new(&graph, &state, output, device);
    let len: usize = graph.nodes[output.0].shape.iter().product();
    let weights: Vec<f64> = (0..len).scan(Stream::keyed("weights"), |s, _| Some(s.uniform() - 0.5)).collect();
    let loss =
        |trainer: &mut W| -> f64 { trainer.forward(output).iter().zip(&weights).map(|(y, w)| y * w).sum() };
    loss(&mut trainer);
    let grads = trainer.backward(output, &weights);
    let mut places = Stream::keyed("places");
    for (param, (name, grad)) in grads.iter().enumerate() {
        for _ in 0..grad.len().min(12) {
            let i = (places.uniform() * grad.len() as f64) as usize;
            let ours = grad[i];
            let mut numeric = |step: f64| {
                let mut moved = |step: f64| {
                    trainer.change(param, i, step);
                    let value = loss(&mut trainer);
                    trainer.change(param, i, -step);
                    value
                };
                (moved(step) - moved(-step)) / (2.0 * step)
            };
            // Where an activation or a maximum bends between the two points, nearer ones decide.
            let mut said = Vec::new();
            let agrees = [1e-5, 1e-6, 1e-7].into_iter().any(|step| {
                let numeric = numeric(step);
                said.push(numeric);
                (ours - numeric).abs() <= 1e-7 * (1.0 + numeric.abs())
            });
            prop_assert!(agrees, "{what}, seed {seed}, {name}[{i}]: {ours}, differences say {said:?}");
        }
    }
    Ok(())
}

/// Checks a group of graphs, until one fails.
fn check_all(seed: u64, graphs: fn(Check)) -> Result<(), TestCaseError> {
    let mut result = Ok(());
    graphs(&mut |what, build| {
        if result.is_ok() {
            result = check(seed, what, build);
        }
    });
    result
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn convolutions(seed: u64) {
        check_all(seed, operations::convolutions)?;
    }

    #[test]
    fn norms(seed: u64) {
        check_all(seed, operations::norms)?;
    }

    #[test]
    fn activations_and_pools(seed: u64) {
        check_all(seed, operations::activations_and_pools)?;
    }

    #[test]
    fn moves(seed: u64) {
        check_all(seed, operations::moves)?;
    }

    #[test]
    fn two_inputs(seed: u64) {
        check_all(seed, operations::two_inputs)?;
    }

    #[test]
    fn several_readers(seed: u64) {
        check_all(seed, operations::several_readers)?;
    }
}

/// A new operation, or a kind of one, needs a graph here.
#[test]
fn every_operation_is_checked() {
    let tested = |check: Check| {
        operations::convolutions(check);
        operations::norms(check);
        operations::activations_and_pools(check);
        operations::moves(check);
        operations::two_inputs(check);
        operations::several_readers(check);
    };
    report(operations::missing(tested));
}
