//! Graphs of one operation or a few, with random shapes: what the suites of gradients and of the engine compute. Every operation
//! and every kind is among them, which both suites check.

use std::collections::BTreeSet;
use yolo_host::graph::{
    Act, ConvSpec, Graph, GraphBuilder, Init, Limits, Op, Order, Pool, PoolSpec, Role, Upsample, ValueId,
};
use yolo_host::model::State;
use yolo_host::random::Stream;

/// Small whole numbers from a seed.
pub struct Sizes {
    stream: Stream,
    single: bool,
}

impl Sizes {
    fn pick(&mut self, low: usize, high: usize) -> usize {
        low + (self.stream.uniform() * (high - low + 1) as f64) as usize
    }

    /// Images at once, where one is not all there may be.
    fn batch(&self, images: usize) -> usize {
        if self.single { 1 } else { images }
    }
}

/// Makes a graph of parameters as tensors, and names its output.
pub type Build<'a> = &'a dyn Fn(&mut GraphBuilder, &mut Sizes) -> ValueId;

/// What a suite does with each graph, which has a name.
pub type Check<'a> = &'a mut dyn FnMut(&str, Build);

/// A graph with its values and its output, the same for the same seed. Its input is one pixel, which nothing reads.
pub fn built(seed: u64, build: Build) -> (Graph, State, ValueId) {
    of_sizes(seed, false, build)
}

/// The same of tensors of one image only.
pub fn built_single(seed: u64, build: Build) -> (Graph, State, ValueId) {
    of_sizes(seed, true, build)
}

fn of_sizes(seed: u64, single: bool, build: Build) -> (Graph, State, ValueId) {
    let (mut builder, _) = GraphBuilder::new([1, 1, 1, 1], Limits::default());
    builder.begin_layer(0);
    let output = build(&mut builder, &mut Sizes { stream: Stream::keyed(&seed.to_string()), single });
    let graph = builder.finish();
    let state = State::new(&graph, seed);
    (graph, state, output)
}

/// A parameter as a tensor.
fn tensor(b: &mut GraphBuilder, name: &str, shape: &[usize]) -> ValueId {
    parameter(b, name, shape, -1.0, 1.0)
}

/// The parameter `x`, of numbers between these.
pub fn between(b: &mut GraphBuilder, shape: &[usize], low: f64, high: f64) -> ValueId {
    parameter(b, "x", shape, low, high)
}

fn parameter(b: &mut GraphBuilder, name: &str, shape: &[usize], low: f64, high: f64) -> ValueId {
    let id = b.define("", name, shape, Init::Uniform(low, high), Role::Trainable, None).unwrap();
    b.push(Op::Parameter(id), vec![]).unwrap()
}

/// A map of random size, and its channels.
fn map(b: &mut GraphBuilder, s: &mut Sizes, name: &str) -> (ValueId, usize) {
    let images = s.pick(1, 2);
    let shape = [s.batch(images), 4 * s.pick(1, 3), s.pick(3, 7), s.pick(3, 7)];
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

/// An operation of one map.
fn unary(check: Check, what: &str, op: impl Fn(&mut Sizes, usize) -> Op) {
    check(what, &|b, s| {
        let (x, channels) = map(b, s, "x");
        let op = op(s, channels);
        b.push(op, vec![x]).unwrap()
    });
}

/// Convolutions and linear maps.
pub fn convolutions(check: Check) {
    check("dense", &|b, s| {
        let (x, _) = map(b, s, "x");
        let spec = conv(s, 5, 1);
        b.conv2d("c", x, spec).unwrap()
    });
    check("dense, activated", &|b, s| {
        let (x, _) = map(b, s, "x");
        let spec = conv(s, 5, 1);
        let y = b.conv2d("c", x, spec).unwrap();
        let acts = Act::all(0.1);
        b.push(Op::Activation(acts[s.pick(0, acts.len() - 1)]), vec![y]).unwrap()
    });
    check("grouped", &|b, s| {
        let (x, _) = map(b, s, "x");
        let spec = conv(s, 6, 2);
        b.conv2d("c", x, spec).unwrap()
    });
    check("depthwise", &|b, s| {
        let (x, channels) = map(b, s, "x");
        let spec = conv(s, channels, channels);
        b.conv2d("c", x, spec).unwrap()
    });
    check("linear", &|b, s| {
        let x = tensor(b, "x", &[s.batch(2), 3, 5]);
        b.linear("l", x, s.pick(1, 4), true).unwrap()
    });
    check("linear, of four axes", &|b, s| {
        let (x, _) = map(b, s, "x");
        b.linear("l", x, s.pick(1, 4), true).unwrap()
    });
    check("linear, activated and added", &|b, s| {
        let (x, n) = (tensor(b, "x", &[s.batch(2), 3, 5]), s.pick(1, 20));
        let y = b.linear("l", x, n, true).unwrap();
        let y = b.push(Op::Activation(Act::Silu), vec![y]).unwrap();
        let z = tensor(b, "z", &[s.batch(2), 3, n]);
        b.push(Op::Add, vec![z, y]).unwrap()
    });
    check("squeeze and excitation", &|b, s| {
        let (x, channels) = map(b, s, "x");
        let y = b.push(Op::GlobalPool(Pool::Average), vec![x]).unwrap();
        let n = b.shape(y)[0] as i64;
        let y = b.push(Op::Reshape(vec![n, channels as i64]), vec![y]).unwrap();
        let y = b.linear("l", y, channels, true).unwrap();
        let y = b.push(Op::Activation(Act::HardSigmoid), vec![y]).unwrap();
        let y = b.push(Op::Reshape(vec![n, channels as i64, 1, 1]), vec![y]).unwrap();
        let y = b.push(Op::Mul, vec![x, y]).unwrap();
        b.push(Op::Activation(Act::HardSwish), vec![y]).unwrap()
    });
}

/// Normalisations, with and without an activation behind them.
pub fn norms(check: Check) {
    let acts = [Act::Silu, Act::LeakyRelu(0.1), Act::Sigmoid];
    for act in std::iter::once(None).chain(acts.map(Some)) {
        check("batch norm", &|b, s| {
            let (x, _) = map(b, s, "x");
            let y = b.batch_norm("bn", x).unwrap();
            match act {
                Some(act) => b.push(Op::Activation(act), vec![y]).unwrap(),
                None => y,
            }
        });
    }
    for act in [None, Some(Act::Silu)] {
        check("layer norm", &|b, s| {
            let (x, _) = map(b, s, "x");
            let y = b.layer_norm("ln", x, 1e-3).unwrap();
            match act {
                Some(act) => b.push(Op::Activation(act), vec![y]).unwrap(),
                None => y,
            }
        });
    }
    // Somebody else reads what is between the two.
    check("batch norm read twice", &|b, s| {
        let (x, _) = map(b, s, "x");
        let y = b.batch_norm("bn", x).unwrap();
        let z = b.push(Op::Activation(Act::Silu), vec![y]).unwrap();
        b.push(Op::Mul, vec![y, z]).unwrap()
    });
}

/// Activations and pooling of all kinds.
pub fn activations_and_pools(check: Check) {
    for act in Act::all(0.2) {
        unary(check, "activation", |_, _| Op::Activation(act));
    }
    for &kind in Pool::ALL {
        unary(check, "pool", |s, _| {
            let kernel = [s.pick(1, 3), s.pick(1, 3)];
            let spec = PoolSpec {
                kernel,
                stride: [s.pick(1, 3), s.pick(1, 3)],
                padding: kernel.map(|k| s.pick(0, k / 2)),
                dilation: [1, 1],
                ceil_mode: u32::from(kind == Pool::Max) & s.pick(0, 1) as u32,
            };
            Op::Pool(kind, spec)
        });
        unary(check, "global pool", |_, _| Op::GlobalPool(kind));
    }
    unary(check, "dilated pool", |s, _| {
        let kernel = [s.pick(1, 2), s.pick(1, 2)];
        let spec = PoolSpec {
            kernel,
            stride: [s.pick(1, 3), s.pick(1, 3)],
            padding: kernel.map(|k| s.pick(0, k / 2)),
            dilation: [s.pick(1, 2), 2],
            ceil_mode: s.pick(0, 1) as u32,
        };
        Op::Pool(Pool::Max, spec)
    });
}

/// Operations of one input that give its numbers other places.
pub fn moves(check: Check) {
    unary(check, "pad", |s, _| Op::Pad(std::array::from_fn(|_| s.pick(0, 2)), 0.5));
    unary(check, "affine", |_, _| Op::Affine { factor: -1.5, offset: 2.0 });
    unary(check, "slice", |s, c| Op::Slice { axis: 1, start: s.pick(0, 2), length: c - 2 });
    unary(check, "slice rows", |_, _| Op::Slice { axis: 2, start: 1, length: 2 });
    unary(check, "shuffle", |_, _| Op::ChannelShuffle { groups: 2 });
    for &mode in Upsample::ALL {
        unary(check, "upsample", |s, _| Op::Upsample(s.pick(1, 3), mode));
    }
    unary(check, "transpose", |s, _| Op::Transpose(s.pick(0, 3), s.pick(0, 3)));
    unary(check, "softmax", |s, _| Op::Softmax { axis: s.pick(0, 3) });
    unary(check, "reshape", |_, _| Op::Reshape(vec![0, 2, -1]));
    for &order in Order::ALL {
        check("space to depth", &|b, s| {
            let x = tensor(b, "x", &[s.batch(2), 3, 4, 2 * s.pick(1, 3)]);
            b.push(Op::SpaceToDepth(2, order), vec![x]).unwrap()
        });
        unary(check, "depth to space", |_, _| Op::DepthToSpace(2, order));
    }
}

/// Operations of two inputs, which may be broadcast.
pub fn two_inputs(check: Check) {
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
                check("broadcast", &|b, s| {
                    let single = |shape: &[usize]| match shape {
                        [2, rest @ ..] => [&[s.batch(2)], rest].concat(),
                        _ => shape.to_vec(),
                    };
                    let mut inputs = vec![tensor(b, "a", &single(&a)), tensor(b, "b", &single(other))];
                    if swapped {
                        inputs.reverse();
                    }
                    b.push(op.clone(), inputs).unwrap()
                });
            }
        }
    }
    for axis in 0..4 {
        check("concat", &|b, s| {
            let mut shape = [s.batch(2), 3, 4, 5];
            let a = tensor(b, "a", &shape);
            shape[axis] = s.pick(1, 4);
            let c = tensor(b, "b", &shape);
            b.push(Op::Concat { axis }, vec![a, c, a]).unwrap()
        });
    }
    check("matmul", &|b, s| {
        let (m, k, n) = (s.pick(1, 4), s.pick(1, 4), s.pick(1, 4));
        let a = tensor(b, "a", &[s.batch(2), 3, m, k]);
        let c = tensor(b, "b", &[s.batch(2), 3, k, n]);
        b.push(Op::MatMul, vec![a, c]).unwrap()
    });
    check("one matrix for all", &|b, s| {
        let (m, k, n) = (s.pick(1, 4), s.pick(1, 4), s.pick(1, 4));
        let a = tensor(b, "a", &[s.batch(3), m, k]);
        let c = tensor(b, "b", &[k, n]);
        b.push(Op::MatMul, vec![a, c]).unwrap()
    });
    check("unflatten", &|b, s| {
        let like = tensor(b, "like", &[s.batch(2), 4, 3, 5]);
        let x = tensor(b, "x", &[s.batch(2), 3, 15]);
        b.push(Op::UnflattenLike, vec![x, like]).unwrap()
    });
}

/// A tensor that an upsample and others read gets the gradients of all of them.
pub fn several_readers(check: Check) {
    check("upsample and others", &|b, s| {
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
    });
}

/// Hands every graph to `check`.
pub fn all(check: Check) {
    let groups: [fn(Check); 6] =
        [convolutions, norms, activations_and_pools, moves, two_inputs, several_readers];
    groups.iter().for_each(|group| group(&mut *check));
}

/// What to do about every operation and kind of one that is not among the graphs that `graphs` hands on.
pub fn missing(graphs: impl FnOnce(Check)) -> Vec<String> {
    let mut met = BTreeSet::new();
    graphs(&mut |_, build| {
        for node in built(0, build).0.nodes {
            met.insert(node.op.name().to_string());
            met.extend(kind(&node.op));
        }
    });
    let names = Op::NAMES.iter().map(|name| name.to_string());
    let acts = Act::all(0.0).map(|act| kind(&Op::Activation(act)));
    let pools = Pool::ALL.iter().flat_map(|pool| {
        let spec = PoolSpec::square(1, 1, 0);
        [Op::Pool(*pool, spec), Op::GlobalPool(*pool)]
    });
    let modes = Upsample::ALL.iter().map(|mode| Op::Upsample(1, *mode));
    let orders =
        Order::ALL.iter().flat_map(|order| [Op::SpaceToDepth(1, *order), Op::DepthToSpace(1, *order)]);
    let kinds = pools.chain(modes).chain(orders).map(|op| kind(&op));
    let wanted = names.chain(acts.into_iter().chain(kinds).flatten());
    let missing = wanted.filter(|name| !met.contains(name));
    missing.map(|name| format!("{name}: add a graph with it to tests/src/operations.rs")).collect()
}

/// An operation with its kind, without its numbers, if it has kinds.
fn kind(op: &Op) -> Option<String> {
    let name = op.name();
    match op {
        Op::Activation(act) => {
            let act = format!("{act:?}");
            Some(format!("{name} {}", act.split('(').next().unwrap_or_default()))
        }
        Op::Pool(kind, _) | Op::GlobalPool(kind) => Some(format!("{name} {kind:?}")),
        Op::Upsample(_, mode) => Some(format!("{name} {mode:?}")),
        Op::SpaceToDepth(_, order) | Op::DepthToSpace(_, order) => Some(format!("{name} {order:?}")),
        _ => None,
    }
}
