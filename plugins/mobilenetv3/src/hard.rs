//! The hard activations of section 5.2, as layers of their own.

use yolo_plugin::{Act, Args, Block, Builder, Value};

/// relu6(x + 3) / 6
pub static H_SIGMOID: Block = Block::new("h_sigmoid", "relu6(x + 3) / 6", h_sigmoid);

/// x·relu6(x + 3) / 6
pub static H_SWISH: Block = Block::new("h_swish", "x·relu6(x + 3) / 6", h_swish);

fn h_sigmoid(b: &mut Builder, x: &[Value], _: &Args) -> Value {
    b.activation(x[0], Act::HardSigmoid)
}

fn h_swish(b: &mut Builder, x: &[Value], _: &Args) -> Value {
    b.activation(x[0], Act::HardSwish)
}
