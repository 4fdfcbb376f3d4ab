//! Activations: within a convolution where ncnn has them there, as layers of their own, and the elementwise operators of plugins.

use super::writer::Param::{self, Float, Int};
use crate::graph::Act;

/// A layer's kind and parameters.
pub type Kind = (&'static str, Vec<(i32, Param)>);

/// PyTorch's slope of the hard sigmoid; ncnn's own default is another.
const SIXTH: f64 = 1.0 / 6.0;

/// The parameters of a convolution that computes an activation itself.
pub fn fused(act: Act) -> Option<Vec<(i32, Param)>> {
    let with = |kind, numbers: Vec<f64>| vec![(9, Int(kind)), (10, Param::Floats(numbers))];
    match act {
        Act::Relu => Some(vec![(9, Int(1))]),
        Act::LeakyRelu(slope) => Some(with(2, vec![slope])),
        Act::Relu6 => Some(with(3, vec![0.0, 6.0])),
        Act::Sigmoid => Some(vec![(9, Int(4))]),
        Act::Mish => Some(vec![(9, Int(5))]),
        Act::HardSwish => Some(with(6, vec![SIXTH, 0.5])),
        Act::Silu | Act::Conv | Act::HardSigmoid | Act::Tanh => None,
    }
}

/// The layer of an activation.
pub fn layer(act: Act) -> Kind {
    match act {
        Act::Relu => ("ReLU", vec![]),
        Act::LeakyRelu(slope) => ("ReLU", vec![(0, Float(slope))]),
        Act::Relu6 => ("Clip", vec![(0, Float(0.0)), (1, Float(6.0))]),
        // SiLU is also what a model's Conv has without another; the graph has replaced it before.
        Act::Silu | Act::Conv => ("Swish", vec![]),
        Act::Sigmoid => ("Sigmoid", vec![]),
        Act::HardSigmoid => ("HardSigmoid", vec![(0, Float(SIXTH)), (1, Float(0.5))]),
        Act::HardSwish => ("HardSwish", vec![(0, Float(SIXTH)), (1, Float(0.5))]),
        Act::Tanh => ("TanH", vec![]),
        Act::Mish => ("Mish", vec![]),
    }
}

/// The layer of an elementwise operator of ONNX with one input, which a plugin's operation may be.
pub fn operator(name: &str) -> Option<Kind> {
    let unary = |kind| Some(("UnaryOp", vec![(0, Int(kind))]));
    match name {
        "Abs" => unary(0),
        "Neg" => unary(1),
        "Floor" => unary(2),
        "Ceil" => unary(3),
        "Sqrt" => unary(5),
        "Exp" => unary(7),
        "Log" => unary(8),
        "Sin" => unary(9),
        "Cos" => unary(10),
        "Tan" => unary(11),
        "Asin" => unary(12),
        "Acos" => unary(13),
        "Atan" => unary(14),
        "Reciprocal" => unary(15),
        "Elu" => Some(("ELU", vec![(0, Float(1.0))])),
        "Selu" => Some(("SELU", vec![])),
        "Gelu" => Some(("GELU", vec![])),
        "Erf" => Some(("Erf", vec![])),
        "Softplus" => Some(("Softplus", vec![])),
        "Relu" => Some(layer(Act::Relu)),
        "Sigmoid" => Some(layer(Act::Sigmoid)),
        "Tanh" => Some(layer(Act::Tanh)),
        "HardSwish" => Some(layer(Act::HardSwish)),
        // ONNX's own slope, which is not PyTorch's.
        "HardSigmoid" => Some(("HardSigmoid", vec![(0, Float(0.2)), (1, Float(0.5))])),
        "Mish" => Some(layer(Act::Mish)),
        _ => None,
    }
}
