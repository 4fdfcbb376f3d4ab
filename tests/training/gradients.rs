//! The gradient of every operation against central differences in double precision, over random shapes: in training on the
//! CPU, and in training on candle tensors: with this crate's kernels in cuDNN's place, and on a GPU, if there is one. And the
//! engine's result beside the same operation in double precision.

use candle_core::{DType, Device, Tensor};
use proptest::prelude::*;
use std::sync::LazyLock;
use yolo_host::exec::engine::Engine;
use yolo_host::exec::{Precision, candle, train_cpu};
use yolo_host::graph::{
    Act, ConvSpec, Graph, GraphBuilder, Init, Limits, Op, Order, Pool, PoolSpec, Role, Upsample, ValueId,
};
use yolo_host::model::State;
use yolo_host::random::Stream;

/// Small whole numbers from a seed.
struct Sizes(Stream);

impl Sizes {
    fn of(seed: u64) -> Self {
        Sizes(Stream::keyed(&seed.to_string()))
    }

    fn pick(&mut self, low: usize, high: usize) -> usize {
        low + (self.0.uniform() * (high - low + 1) as f64) as usize
    }
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
        train_cpu::Executor::backward(self, &[(output, grad)]).unwrap();
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
        candle::Executor::backward(self, &[(output, grad)]).unwrap();
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

/// A parameter as a tensor.
fn tensor(b: &mut GraphBuilder, name: &str, shape: &[usize]) -> ValueId {
    let id = b.define("", name, shape, Init::Uniform(-1.0, 1.0), Role::Trainable, None).unwrap();
    b.push(Op::Parameter(id), vec![]).unwrap()
}

/// Compares the gradients of all parameters of what `build` makes with differences of a random weighted sum of its output.
fn check(
    seed: u64,
    what: &str,
    build: impl Fn(&mut GraphBuilder, &mut Sizes) -> ValueId,
) -> Result<(), TestCaseError> {
    check_way::<train_cpu::Executor<f64>>(seed, what, &Device::Cpu, &build)?;
    check_way::<candle::Executor>(seed, &format!("{what}, on candle tensors"), &Device::Cpu, &build)?;
    check_engine(seed, what, &build)?;
    match GPU.as_ref() {
        Some(gpu) => check_way::<candle::Executor>(seed, &format!("{what}, on the GPU"), gpu, &build),
        None => Ok(()),
    }
}

static GPU: LazyLock<Option<Device>> = LazyLock::new(yolo_tests::cuda);

fn built(seed: u64, build: impl Fn(&mut GraphBuilder, &mut Sizes) -> ValueId) -> (Graph, State, ValueId) {
    let (mut builder, _) = GraphBuilder::new([1, 1, 1, 1], Limits::default());
    builder.begin_layer(0);
    let output = build(&mut builder, &mut Sizes::of(seed));
    let graph = builder.finish();
    let state = State::new(&graph, seed);
    (graph, state, output)
}

fn check_engine(
    seed: u64,
    what: &str,
    build: impl Fn(&mut GraphBuilder, &mut Sizes) -> ValueId,
) -> Result<(), TestCaseError> {
    let (graph, state, output) = built(seed, build);
    let mut exact = train_cpu::Executor::<f64>::new(&graph, &state, &[output]).unwrap();
    exact.infer(&[0.0], [1, 1, 1, 1]).unwrap();
    let mut engine = Engine::new(&graph, state, &[output]);
    engine.run(&[0.0], [1, 1, 1, 1]).unwrap();
    let (exact, ours) = (exact.output(output).unwrap(), engine.output(0).unwrap());
    prop_assert_eq!(&exact.shape, ours.shape, "{}, seed {}", what, seed);
    let largest = exact.data.iter().fold(0.0f64, |most, value| most.max(value.abs()));
    let near = |(a, b): (&f64, &f32)| (a - f64::from(*b)).abs() <= 1e-5 * largest;
    let all = exact.data.len() == ours.data.len() && exact.data.iter().zip(ours.data).all(near);
    prop_assert!(all, "{what} in the engine, seed {seed}: another result");
    Ok(())
}

fn check_way<W: Way>(
    seed: u64,
    what: &str,
    device: &Device,
    build: impl Fn(&mut GraphBuilder, &mut Sizes) -> ValueId,
) -> Result<(), TestCaseError> {
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

/// A map of random size, and its channels.
fn map(b: &mut GraphBuilder, s: &mut Sizes, name: &str) -> (ValueId, usize) {
    let shape = [s.pick(1, 2), 4 * s.pick(1, 3), s.pick(3, 7), s.pick(3, 7)];
    (tensor(b, name, &shape), shape[1])
}

fn conv(s: &mut Sizes, out: usize, groups: usize) -> ConvSpec {
    let kernel = [s.pick(1, 3), s.pick(1, 3)];
    ConvSpec {
        out_channels: out,
        kernel,
        stride: [s.pick(1, 3), s.pick(1, 3)],
        padding: [s.pick(0, 2), s.pick(0, 2)],
        dilation: [1, if kernel[1] < 3 { s.pick(1, 2) } else { 1 }],
        groups,
        bias: s.pick(0, 1) as u32,
    }
}

/// Checks an operation of one map.
fn unary(seed: u64, what: &str, op: impl Fn(&mut Sizes, usize) -> Op) -> Result<(), TestCaseError> {
    check(seed, what, |b, s| {
        let (x, channels) = map(b, s, "x");
        let op = op(s, channels);
        b.push(op, vec![x]).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn convolutions(seed: u64) {
        check(seed, "dense", |b, s| {
            let (x, _) = map(b, s, "x");
            let spec = conv(s, 5, 1);
            b.conv2d("c", x, spec).unwrap()
        })?;
        check(seed, "grouped", |b, s| {
            let (x, _) = map(b, s, "x");
            let spec = conv(s, 6, 2);
            b.conv2d("c", x, spec).unwrap()
        })?;
        check(seed, "depthwise", |b, s| {
            let (x, channels) = map(b, s, "x");
            let spec = conv(s, channels, channels);
            b.conv2d("c", x, spec).unwrap()
        })?;
        check(seed, "linear", |b, s| {
            let x = tensor(b, "x", &[2, 3, 5]);
            b.linear("l", x, s.pick(1, 4), true).unwrap()
        })?;
        check(seed, "linear, of four axes", |b, s| {
            let (x, _) = map(b, s, "x");
            b.linear("l", x, s.pick(1, 4), true).unwrap()
        })?;
        check(seed, "linear, activated and added", |b, s| {
            let (x, n) = (tensor(b, "x", &[2, 3, 5]), s.pick(1, 20));
            let y = b.linear("l", x, n, true).unwrap();
            let y = b.push(Op::Activation(Act::Silu), vec![y]).unwrap();
            let z = tensor(b, "z", &[2, 3, n]);
            b.push(Op::Add, vec![z, y]).unwrap()
        })?;
        check(seed, "squeeze and excitation", |b, s| {
            let (x, channels) = map(b, s, "x");
            let y = b.push(Op::GlobalPool(Pool::Average), vec![x]).unwrap();
            let n = b.shape(y)[0] as i64;
            let y = b.push(Op::Reshape(vec![n, channels as i64]), vec![y]).unwrap();
            let y = b.linear("l", y, channels, true).unwrap();
            let y = b.push(Op::Activation(Act::HardSigmoid), vec![y]).unwrap();
            let y = b.push(Op::Reshape(vec![n, channels as i64, 1, 1]), vec![y]).unwrap();
            let y = b.push(Op::Mul, vec![x, y]).unwrap();
            b.push(Op::Activation(Act::HardSwish), vec![y]).unwrap()
        })?;
    }

    #[test]
    fn batch_norm_with_and_without_activation(seed: u64) {
        for act in [None, Some(Act::Silu), Some(Act::LeakyRelu(0.1)), Some(Act::Sigmoid)] {
            check(seed, "batch norm", |b, s| {
                let (x, _) = map(b, s, "x");
                let y = b.batch_norm("bn", x).unwrap();
                match act {
                    Some(act) => b.push(Op::Activation(act), vec![y]).unwrap(),
                    None => y,
                }
            })?;
        }
        // Somebody else reads what is between the two.
        check(seed, "batch norm read twice", |b, s| {
            let (x, _) = map(b, s, "x");
            let y = b.batch_norm("bn", x).unwrap();
            let z = b.push(Op::Activation(Act::Silu), vec![y]).unwrap();
            b.push(Op::Mul, vec![y, z]).unwrap()
        })?;
    }

    #[test]
    fn activations_and_pools(seed: u64) {
        for act in [Act::Silu, Act::Sigmoid, Act::Tanh, Act::Mish, Act::LeakyRelu(0.2), Act::HardSwish, Act::Relu] {
            unary(seed, "activation", |_, _| Op::Activation(act))?;
        }
        for kind in [Pool::Max, Pool::Average] {
            unary(seed, "pool", |s, _| {
                let kernel = [s.pick(1, 3), s.pick(1, 3)];
                Op::Pool(kind, PoolSpec {
                    kernel,
                    stride: [s.pick(1, 3), s.pick(1, 3)],
                    padding: kernel.map(|k| s.pick(0, k / 2)),
                    dilation: [1, 1],
                    ceil_mode: u32::from(kind == Pool::Max) & s.pick(0, 1) as u32,
                })
            })?;
            unary(seed, "global pool", |_, _| Op::GlobalPool(kind))?;
        }
        unary(seed, "dilated pool", |s, _| {
            let kernel = [s.pick(1, 2), s.pick(1, 2)];
            Op::Pool(Pool::Max, PoolSpec {
                kernel,
                stride: [s.pick(1, 3), s.pick(1, 3)],
                padding: kernel.map(|k| s.pick(0, k / 2)),
                dilation: [s.pick(1, 2), 2],
                ceil_mode: s.pick(0, 1) as u32,
            })
        })?;
    }

    #[test]
    fn moves(seed: u64) {
        unary(seed, "pad", |s, _| Op::Pad(std::array::from_fn(|_| s.pick(0, 2)), 0.5))?;
        unary(seed, "affine", |_, _| Op::Affine { factor: -1.5, offset: 2.0 })?;
        unary(seed, "slice", |s, c| Op::Slice { axis: 1, start: s.pick(0, 2), length: c - 2 })?;
        unary(seed, "slice rows", |_, _| Op::Slice { axis: 2, start: 1, length: 2 })?;
        unary(seed, "shuffle", |_, _| Op::ChannelShuffle { groups: 2 })?;
        unary(seed, "nearest", |s, _| Op::Upsample(s.pick(1, 3), Upsample::Nearest))?;
        unary(seed, "bilinear", |s, _| Op::Upsample(s.pick(1, 3), Upsample::Bilinear))?;
        unary(seed, "transpose", |s, _| Op::Transpose(s.pick(0, 3), s.pick(0, 3)))?;
        unary(seed, "softmax", |s, _| Op::Softmax { axis: s.pick(0, 3) })?;
        unary(seed, "reshape", |_, _| Op::Reshape(vec![0, 2, -1]))?;
        for order in [Order::Rows, Order::Columns] {
            check(seed, "space to depth", |b, s| {
                let x = tensor(b, "x", &[2, 3, 4, 2 * s.pick(1, 3)]);
                b.push(Op::SpaceToDepth(2, order), vec![x]).unwrap()
            })?;
            unary(seed, "depth to space", |_, _| Op::DepthToSpace(2, order))?;
        }
    }

    #[test]
    fn two_inputs(seed: u64) {
        let shapes: [([usize; 4], &[usize]); 5] = [
            ([2, 4, 3, 5], &[2, 4, 3, 5]),
            ([2, 4, 3, 5], &[2, 4, 1, 1]),
            ([2, 4, 3, 5], &[1, 4, 1, 1]),
            ([2, 4, 3, 5], &[5]),
            ([2, 4, 3, 1], &[4, 1, 5]),
        ];
        for (a, other) in shapes {
            for op in [Op::Add, Op::Mul] {
                for swapped in [false, true] {
                    check(seed, "broadcast", |b, _| {
                        let mut inputs = vec![tensor(b, "a", &a), tensor(b, "b", other)];
                        if swapped {
                            inputs.reverse();
                        }
                        b.push(op.clone(), inputs).unwrap()
                    })?;
                }
            }
        }
        for axis in 0..4 {
            check(seed, "concat", |b, s| {
                let mut shape = [2, 3, 4, 5];
                let a = tensor(b, "a", &shape);
                shape[axis] = s.pick(1, 4);
                let c = tensor(b, "b", &shape);
                b.push(Op::Concat { axis }, vec![a, c, a]).unwrap()
            })?;
        }
        check(seed, "matmul", |b, s| {
            let (m, k, n) = (s.pick(1, 4), s.pick(1, 4), s.pick(1, 4));
            let a = tensor(b, "a", &[2, 3, m, k]);
            let c = tensor(b, "b", &[2, 3, k, n]);
            b.push(Op::MatMul, vec![a, c]).unwrap()
        })?;
        check(seed, "one matrix for all", |b, s| {
            let (m, k, n) = (s.pick(1, 4), s.pick(1, 4), s.pick(1, 4));
            let a = tensor(b, "a", &[3, m, k]);
            let c = tensor(b, "b", &[k, n]);
            b.push(Op::MatMul, vec![a, c]).unwrap()
        })?;
        check(seed, "unflatten", |b, _| {
            let like = tensor(b, "like", &[2, 4, 3, 5]);
            let x = tensor(b, "x", &[2, 3, 15]);
            b.push(Op::UnflattenLike, vec![x, like]).unwrap()
        })?;
    }

    /// A tensor that an upsample and others read gets the gradients of all of them.
    #[test]
    fn several_readers(seed: u64) {
        check(seed, "upsample and others", |b, s| {
            let (x, channels) = map(b, s, "x");
            let half = b.push(Op::Slice { axis: 1, start: 0, length: channels / 2 }, vec![x]).unwrap();
            let rest = b.push(Op::Slice { axis: 1, start: channels / 2, length: channels / 2 }, vec![x]).unwrap();
            let silu = b.push(Op::Activation(Act::Silu), vec![x]).unwrap();
            let halves = b.push(Op::Concat { axis: 1 }, vec![rest, half]).unwrap();
            let sum = b.push(Op::Add, vec![silu, halves]).unwrap();
            let sum = b.push(Op::Add, vec![sum, x]).unwrap();
            let up = b.push(Op::Upsample(2, Upsample::Nearest), vec![x]).unwrap();
            let sum_up = b.push(Op::Upsample(2, Upsample::Nearest), vec![sum]).unwrap();
            b.push(Op::Mul, vec![up, sum_up]).unwrap()
        })?;
    }
}
