//! PyTorch's activations as layers of their own.

use yolo_plugin::{Act, Block, Param, register};

const INPLACE: &[Param] = &[Param::bool("inplace").or_bool(false).help("without effect")];

/// max(x, 0)
pub static RELU: Block =
    Block::new("nn.ReLU", "max(x, 0)", |b, x, _| b.activation(x[0], Act::Relu)).params(INPLACE);

/// min(max(x, 0), 6)
pub static RELU6: Block =
    Block::new("nn.ReLU6", "min(max(x, 0), 6)", |b, x, _| b.activation(x[0], Act::Relu6)).params(INPLACE);

/// x, or slope·x below zero
pub static LEAKY_RELU: Block = Block::new("nn.LeakyReLU", "x, or slope·x below zero", |b, x, args| {
    b.activation(x[0], Act::LeakyRelu(args.float("negative_slope")))
})
.params(&[
    Param::float("negative_slope").or_float(0.01).help("slope below zero"),
    Param::bool("inplace").or_bool(false).help("without effect"),
]);

/// x·sigmoid(x)
pub static SILU: Block =
    Block::new("nn.SiLU", "x·sigmoid(x)", |b, x, _| b.activation(x[0], Act::Silu)).params(INPLACE);

/// 1 / (1 + e^−x)
pub static SIGMOID: Block =
    Block::new("nn.Sigmoid", "1 / (1 + e^−x)", |b, x, _| b.activation(x[0], Act::Sigmoid));

/// relu6(x + 3) / 6
pub static HARDSIGMOID: Block =
    Block::new("nn.Hardsigmoid", "relu6(x + 3) / 6", |b, x, _| b.activation(x[0], Act::HardSigmoid))
        .params(INPLACE);

/// x·relu6(x + 3) / 6
pub static HARDSWISH: Block =
    Block::new("nn.Hardswish", "x·relu6(x + 3) / 6", |b, x, _| b.activation(x[0], Act::HardSwish))
        .params(INPLACE);

/// tanh(x)
pub static TANH: Block = Block::new("nn.Tanh", "tanh(x)", |b, x, _| b.activation(x[0], Act::Tanh));

/// x·tanh(ln(1 + e^x))
pub static MISH: Block =
    Block::new("nn.Mish", "x·tanh(ln(1 + e^x))", |b, x, _| b.activation(x[0], Act::Mish)).params(INPLACE);

register!(RELU, RELU6, LEAKY_RELU, SILU, SIGMOID, HARDSIGMOID, HARDSWISH, TANH, MISH);
