//! A model in training, with the images and targets of a golden, by either trainer.

use crate::{golden, portable_state, registry, root, uniform};
use candle_core::{Device, Tensor, WithDType};
use serde_json::Value;
use std::borrow::Cow;
use yolo_host::exec::{Precision, candle, train_cpu};
use yolo_host::graph::{Graph, ParamId, ValueId};
use yolo_host::loss::{ComputeLoss, Loss, LossError, LossHyper, Target};
use yolo_host::model::{Model, Spec, State};
use yolo_host::raw_map::RawMap;
use yolo_host::train::{Optimizer, Rates, Rule};
use yolo_kernels::ConvFloat;

/// The article's models and their yardsticks.
pub const MODELS: [&str; 5] =
    ["yolov5n", "yolov5s", "yolov5-shufflenetv2", "yolov5-mobilenetv3-small", "yolov5s-ghost"];

/// A number of a golden.
pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is a number"))
}

/// A golden of training.
pub fn read(case: &str) -> Value {
    let text = std::fs::read_to_string(golden(&format!("training/{case}.json"))).expect("goldens");
    serde_json::from_str(&text).expect("goldens")
}

/// Its targets.
pub fn targets(golden: &Value) -> Vec<Target> {
    let target = |row: &Value| Target {
        image: number(&row[0]) as usize,
        class: number(&row[1]) as usize,
        rect: std::array::from_fn(|i| number(&row[2 + i])),
    };
    golden["targets"].as_array().expect("targets").iter().map(target).collect()
}

/// What the suites ask of a trainer. Maps lie `[batch, height, width, channels]`, parameters row-major.
pub trait Executor<T: ConvFloat> {
    /// The optimiser's state.
    type Sgd;
    /// A forward pass in training.
    fn run(&mut self, images: &[T], shape: [usize; 4]);
    /// A map, its height and width.
    fn map(&self, id: ValueId) -> (Cow<'_, [T]>, [usize; 2]);
    /// The reverse pass.
    fn run_back(&mut self, given: &[(ValueId, &[T])]);
    /// A parameter or buffer.
    fn value(&self, id: ParamId) -> Vec<T>;
    /// The gradient of a parameter.
    fn gradient(&self, id: ParamId) -> Vec<T>;
    /// An optimiser.
    fn sgd(graph: &Graph) -> Self::Sgd;
    /// A step of it.
    fn step(&mut self, sgd: &mut Self::Sgd, rates: &Rates);
}

impl<T: ConvFloat> Executor<T> for train_cpu::Executor<T> {
    type Sgd = Optimizer<Vec<T>>;

    fn run(&mut self, images: &[T], shape: [usize; 4]) {
        self.forward(images, shape, true).expect("it runs");
    }

    fn map(&self, id: ValueId) -> (Cow<'_, [T]>, [usize; 2]) {
        let map = self.output(id).expect("an output");
        (Cow::Borrowed(&map.data), [map.shape[2], map.shape[3]])
    }

    fn run_back(&mut self, given: &[(ValueId, &[T])]) {
        self.backward(given).expect("it runs back");
    }

    fn value(&self, id: ParamId) -> Vec<T> {
        self.param(id)
    }

    fn gradient(&self, id: ParamId) -> Vec<T> {
        self.grad(id)
    }

    fn sgd(graph: &Graph) -> Optimizer<Vec<T>> {
        Optimizer::new(Rule::Sgd, graph)
    }

    fn step(&mut self, sgd: &mut Optimizer<Vec<T>>, rates: &Rates) {
        sgd.step(self.trainable(), rates);
    }
}

/// The numbers of a tensor.
fn numbers<T: WithDType>(x: &Tensor) -> Vec<T> {
    x.to_dtype(T::DTYPE).and_then(|x| x.flatten_all()?.to_vec1()).expect("the device gives it")
}

impl<T: ConvFloat + WithDType> Executor<T> for candle::Executor {
    type Sgd = Optimizer<Option<Tensor>>;

    fn run(&mut self, images: &[T], shape: [usize; 4]) {
        let images = Tensor::from_slice(images, &shape, &Device::Cpu).expect("images");
        self.forward(&images, true).expect("it runs");
    }

    fn map(&self, id: ValueId) -> (Cow<'_, [T]>, [usize; 2]) {
        let map = self.output(id).expect("an output");
        let values = numbers(&map.permute((0, 2, 3, 1)).expect("a map"));
        (Cow::Owned(values), [map.dims()[2], map.dims()[3]])
    }

    fn run_back(&mut self, given: &[(ValueId, &[T])]) {
        let map = |(id, grad): &(ValueId, &[T])| {
            let (n, c, h, w) = self.output(*id).expect("an output").dims4().expect("a map");
            let grad = Tensor::from_slice(grad, (n, h, w, c), &Device::Cpu);
            (*id, grad.and_then(|grad| grad.permute((0, 3, 1, 2))).expect("a map"))
        };
        let given: Vec<(ValueId, Tensor)> = given.iter().map(map).collect();
        self.backward(&given).expect("it runs back");
    }

    fn value(&self, id: ParamId) -> Vec<T> {
        numbers(self.param(id).expect("a parameter"))
    }

    fn gradient(&self, id: ParamId) -> Vec<T> {
        numbers(self.grad(id).expect("a gradient"))
    }

    fn sgd(graph: &Graph) -> Optimizer<Option<Tensor>> {
        Optimizer::new(Rule::Sgd, graph)
    }

    fn step(&mut self, sgd: &mut Optimizer<Option<Tensor>>, rates: &Rates) {
        sgd.step(self.trainable(), rates).expect("a step");
    }
}

/// Everything that a step takes.
pub struct Training<T: ConvFloat, R: Executor<T> = train_cpu::Executor<T>> {
    /// The model.
    pub model: Model,
    /// Its network.
    pub trainer: R,
    sgd: R::Sgd,
    loss: ComputeLoss,
    images: Vec<T>,
    shape: [usize; 4],
    targets: Vec<Target>,
}

impl<T: ConvFloat> Training<T> {
    /// That of a golden, by the kernels.
    pub fn of(golden: &Value) -> Self {
        let (model, batch, size) = case(golden);
        Training::new(model, batch, size, targets(golden))
    }

    /// A model with portable weights and images of so many pixels, by the kernels.
    pub fn new(model: Model, batch: usize, size: usize, targets: Vec<Target>) -> Self {
        let make = |graph: &Graph, state: &State, wanted: &[ValueId]| {
            train_cpu::Executor::new(graph, state, wanted).expect("a trainer")
        };
        Training::with(model, batch, size, targets, make)
    }
}

impl<T: ConvFloat + WithDType> Training<T, candle::Executor> {
    /// That of a golden, on candle tensors.
    pub fn on(device: &Device, precision: Precision, golden: &Value) -> Self {
        let (model, batch, size) = case(golden);
        let make = |graph: &Graph, state: &State, wanted: &[ValueId]| {
            candle::Executor::new(graph, state, wanted, device, precision).expect("a trainer")
        };
        Training::with(model, batch, size, targets(golden), make)
    }
}

/// The model of a golden, with the number of images and their size.
fn case(golden: &Value) -> (Model, usize, usize) {
    let case = &golden["case"][0];
    let spec = Spec::read(&root().join(case["model"].as_str().expect("a file"))).expect("a model");
    let model = Model::build(spec, &registry()).expect("a model");
    (model, number(&case["batch"]) as usize, number(&case["height"]) as usize)
}

impl<T: ConvFloat, R: Executor<T>> Training<T, R> {
    fn with(
        model: Model,
        batch: usize,
        size: usize,
        targets: Vec<Target>,
        make: impl FnOnce(&Graph, &State, &[ValueId]) -> R,
    ) -> Self {
        let state = portable_state(&model);
        let detect = &model.detect;
        let cells =
            state.floats(detect.anchors).chunks_exact(2).map(|pair| [f64::from(pair[0]), f64::from(pair[1])]);
        let cells: Vec<[f64; 2]> = cells.collect();
        let anchors: Vec<Vec<[f64; 2]>> = cells.chunks(detect.na).map(<[_]>::to_vec).collect();
        let strides: Vec<f64> = detect.strides.iter().map(|stride| f64::from(*stride)).collect();
        let shape = [batch, model.spec.channels, size, size];
        Training {
            trainer: make(&model.graph, &state, &detect.outputs),
            sgd: R::sgd(&model.graph),
            loss: ComputeLoss::new(LossHyper::default(), &anchors, &strides, detect.nc).expect("a loss"),
            images: uniform("input", shape.iter().product()).into_iter().map(T::of).collect(),
            shape,
            targets,
            model,
        }
    }

    /// The images, planes one after the other.
    pub fn images_mut(&mut self) -> &mut [T] {
        &mut self.images
    }

    /// Forward, loss and backward.
    pub fn gradients(&mut self) -> Loss<T> {
        self.try_gradients().expect("a loss")
    }

    /// The same where the loss may refuse.
    pub fn try_gradients(&mut self) -> Result<Loss<T>, LossError> {
        self.trainer.run(&self.images, self.shape);
        let outputs = &self.model.detect.outputs;
        let map = |id: &ValueId| {
            let (values, [ny, nx]) = self.trainer.map(*id);
            RawMap::new(values, [self.shape[0], ny, nx])
        };
        let maps: Vec<RawMap<T>> = outputs.iter().map(map).collect();
        let loss = self.loss.compute(&maps, &self.targets)?;
        let given: Vec<_> = outputs.iter().copied().zip(loss.grads.iter().map(Vec::as_slice)).collect();
        self.trainer.run_back(&given);
        Ok(loss)
    }

    /// A step of SGD.
    pub fn step(&mut self, rates: &Rates) {
        self.trainer.step(&mut self.sgd, rates);
    }
}
