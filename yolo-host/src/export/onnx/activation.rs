//! Activations as single operators where the operator set has them.

use super::writer::{Value, Writer};
use crate::graph::Act;

/// Emits an activation of `x`.
pub fn activation(w: &mut Writer, act: Act, x: &str) -> String {
    match act {
        Act::Relu => w.node("Relu", &[x], &[]),
        Act::Relu6 => {
            let (low, high) = (w.float(0.0), w.float(6.0));
            w.node("Clip", &[x, &low, &high], &[])
        }
        Act::LeakyRelu(slope) => w.node("LeakyRelu", &[x], &[("alpha", Value::Float(slope))]),
        // SiLU is also what a model's Conv has without another; the graph has replaced it before.
        Act::Silu | Act::Conv => gated(w, x, "Sigmoid", &[]),
        Act::Sigmoid => w.node("Sigmoid", &[x], &[]),
        Act::HardSigmoid => w.node("HardSigmoid", &[x], &SIXTH),
        Act::HardSwish if w.opset >= 14 => w.node("HardSwish", &[x], &[]),
        Act::HardSwish => gated(w, x, "HardSigmoid", &SIXTH),
        Act::Tanh => w.node("Tanh", &[x], &[]),
        Act::Mish if w.opset >= 18 => w.node("Mish", &[x], &[]),
        Act::Mish => {
            let y = w.node("Softplus", &[x], &[]);
            gated_by(w, x, "Tanh", &y, &[])
        }
    }
}

/// PyTorch's slope of the hard sigmoid; ONNX's own default is another.
pub const SIXTH: [(&str, Value); 2] = [("alpha", Value::Float(1.0 / 6.0)), ("beta", Value::Float(0.5))];

fn gated(w: &mut Writer, x: &str, gate: &str, attributes: &[(&str, Value)]) -> String {
    gated_by(w, x, gate, x, attributes)
}

/// x · gate(y)
fn gated_by(w: &mut Writer, x: &str, gate: &str, y: &str, attributes: &[(&str, Value)]) -> String {
    let gate = w.node(gate, &[y], attributes);
    w.node("Mul", &[x, &gate], &[])
}
