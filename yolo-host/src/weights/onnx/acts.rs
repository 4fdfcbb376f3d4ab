//! ONNX' operators that compute on single numbers, of which activations are made.

use super::file::Node;
use crate::weights::ErrorKind;
use crate::weights::probe::{Probes, hard_sigmoid, sigmoid, softplus};

/// Operators that compute on more than single numbers: what comes to them is what the activation made.
const ENDS: [&str; 25] = [
    "AveragePool",
    "BatchNormalization",
    "Concat",
    "Conv",
    "DepthToSpace",
    "Flatten",
    "Gather",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "LayerNormalization",
    "MatMul",
    "MaxPool",
    "Pad",
    "ReduceMax",
    "ReduceMean",
    "Reshape",
    "Resize",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
    "Upsample",
];

/// Functions of single numbers that no activation here is made of.
const OTHERS: [&str; 14] = [
    "Abs",
    "Celu",
    "Elu",
    "Erf",
    "Exp",
    "Gelu",
    "Log",
    "Neg",
    "PRelu",
    "Pow",
    "Selu",
    "Softsign",
    "Sqrt",
    "ThresholdedRelu",
];

/// Follows a node; `number` is the only element of a constant.
///
/// # Errors
/// Attributes that are damaged.
pub fn follow<'a>(
    node: &Node<'a>,
    probes: &mut Probes<'a>,
    number: &mut dyn FnMut(Option<&'a str>) -> Option<f64>,
) -> Result<(), ErrorKind> {
    let Some(x) = node.input(0) else { return Ok(()) };
    let to = &node.outputs;
    let float = |name: &str, otherwise| node.float(name, otherwise).map(f64::from);
    match node.op {
        "Identity" | "Dropout" | "Cast" => probes.alias(x, to),
        "Relu" => probes.map(x, to, |x| x.max(0.0)),
        "LeakyRelu" => {
            let slope = float("alpha", 0.01)?;
            probes.map(x, to, |x| x.max(0.0) + slope * x.min(0.0));
        }
        "Clip" => {
            // Attributes before opset 11, inputs since.
            let (low, high) = (float("min", f32::MIN)?, float("max", f32::MAX)?);
            let low = node.input(1).map_or(Some(low), |name| number(Some(name)));
            let high = node.input(2).map_or(Some(high), |name| number(Some(name)));
            match low.zip(high) {
                Some((low, high)) => probes.map(x, to, |x| x.max(low).min(high)),
                None => probes.spoil(x),
            }
        }
        "Sigmoid" => probes.map(x, to, sigmoid),
        "Tanh" => probes.map(x, to, f64::tanh),
        "Softplus" => probes.map(x, to, softplus),
        "Mish" => probes.map(x, to, |x| x * softplus(x).tanh()),
        "HardSigmoid" => {
            let (alpha, beta) = (float("alpha", 0.2)?, float("beta", 0.5)?);
            probes.map(x, to, |x| hard_sigmoid(x, alpha, beta));
        }
        "HardSwish" => probes.map(x, to, |x| x * hard_sigmoid(x, 1.0 / 6.0, 0.5)),
        "Add" | "Mul" | "Sub" | "Div" => {
            let y = node.input(1).unwrap_or_default();
            match (number(Some(x)), number(Some(y)), node.op) {
                (None, Some(by), "Add") => probes.map(x, to, |x| x + by),
                (None, Some(by), "Sub") => probes.map(x, to, |x| x - by),
                (None, Some(by), "Mul") => probes.map(x, to, |x| x * by),
                (None, Some(by), "Div") => probes.map(x, to, |x| x / by),
                (Some(by), None, "Add") => probes.map(y, to, |y| by + y),
                (Some(by), None, "Mul") => probes.map(y, to, |y| by * y),
                (.., "Add") => probes.join([x, y], to, Some(|x, y| x + y)),
                (.., "Mul") => probes.join([x, y], to, Some(|x, y| x * y)),
                _ => [x, y].into_iter().for_each(|name| probes.spoil(name)),
            }
        }
        op if OTHERS.contains(&op) => probes.map(x, to, |_| f64::NAN),
        op if ENDS.contains(&op) => node.inputs.iter().for_each(|input| probes.end(input)),
        _ => node.inputs.iter().for_each(|input| probes.spoil(input)),
    }
    Ok(())
}
