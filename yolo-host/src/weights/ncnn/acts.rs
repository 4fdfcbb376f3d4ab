//! ncnn's layers that compute on single numbers: activations, alone or within the layer before.

use super::param::Layer;
use crate::weights::ErrorKind;
use crate::weights::probe::{Probes, hard_sigmoid, sigmoid, softplus};

/// Layers that compute on more than single numbers: what comes to them is what the activation made.
const ENDS: [&str; 17] = [
    "Concat",
    "Crop",
    "ExpandDims",
    "Flatten",
    "Interp",
    "MatMul",
    "Padding",
    "Permute",
    "PixelShuffle",
    "Pooling",
    "Reduction",
    "Reorg",
    "Reshape",
    "Scale",
    "ShuffleChannel",
    "Slice",
    "Squeeze",
];

/// Functions of single numbers that no activation here is made of.
const OTHERS: [&str; 12] =
    ["AbsVal", "BNLL", "CELU", "ELU", "Erf", "Exp", "GELU", "Log", "Power", "SELU", "Shrink", "Threshold"];

/// Follows a layer without weights.
///
/// # Errors
/// Parameters that are no numbers.
pub fn follow<'a>(layer: &Layer<'a>, probes: &mut Probes<'a>) -> Result<(), ErrorKind> {
    let Some(&x) = layer.inputs.first() else { return Ok(()) };
    let to = &layer.outputs;
    let (a, b) = (|otherwise| layer.float(0, otherwise), |otherwise| layer.float(1, otherwise));
    match (layer.kind, layer.inputs.as_slice()) {
        ("Split" | "Noop" | "Dropout" | "Cast" | "DeepCopy", _) => probes.alias(x, to),
        ("ReLU", _) => {
            let slope = a(0.0)?;
            probes.map(x, to, |x| x.max(0.0) + slope * x.min(0.0));
        }
        ("Clip", _) => {
            let (low, high) = (a(f64::from(f32::MIN))?, b(f64::from(f32::MAX))?);
            probes.map(x, to, |x| x.max(low).min(high));
        }
        ("Sigmoid", _) => probes.map(x, to, sigmoid),
        ("TanH", _) => probes.map(x, to, f64::tanh),
        ("Softplus", _) => probes.map(x, to, softplus),
        ("Swish", _) => probes.map(x, to, |x| x * sigmoid(x)),
        ("Mish", _) => probes.map(x, to, |x| x * softplus(x).tanh()),
        ("HardSigmoid", _) => {
            let (alpha, beta) = (a(0.2)?, b(0.5)?);
            probes.map(x, to, |x| hard_sigmoid(x, alpha, beta));
        }
        ("HardSwish", [_]) => {
            let (alpha, beta) = (a(0.2)?, b(0.5)?);
            probes.map(x, to, |x| x * hard_sigmoid(x, alpha, beta));
        }
        ("BinaryOp", [_]) => {
            let by = layer.float(2, 0.0)?;
            match layer.int(0, 0)? {
                0 => probes.map(x, to, |x| x + by),
                1 => probes.map(x, to, |x| x - by),
                2 => probes.map(x, to, |x| x * by),
                3 => probes.map(x, to, |x| x / by),
                _ => probes.spoil(x),
            }
        }
        ("BinaryOp", [_, y]) => match layer.int(0, 0)? {
            0 => probes.join([x, y], to, Some(|x, y| x + y)),
            2 => probes.join([x, y], to, Some(|x, y| x * y)),
            _ => probes.join([x, y], to, None::<fn(f64, f64) -> f64>),
        },
        ("Eltwise", [_, y]) => probes.join([x, y], to, None::<fn(f64, f64) -> f64>),
        (kind, _) if OTHERS.contains(&kind) => probes.map(x, to, |_| f64::NAN),
        (kind, inputs) if ENDS.contains(&kind) => inputs.iter().for_each(|input| probes.end(input)),
        (_, inputs) => inputs.iter().for_each(|input| probes.spoil(input)),
    }
    Ok(())
}

/// The activation that a layer with weights applies itself.
///
/// # Errors
/// Parameters that are no numbers.
pub fn fused<'a>(layer: &Layer<'a>, output: &'a str, probes: &mut Probes<'a>) -> Result<(), ErrorKind> {
    if !matches!(layer.kind, "Convolution" | "ConvolutionDepthWise" | "InnerProduct") {
        return Ok(());
    }
    let (to, values) = (&[output], layer.floats(10));
    let value = |place: usize| values.get(place).copied().unwrap_or(0.0);
    let (a, b) = (value(0), value(1));
    match layer.int(9, 0)? {
        0 => (),
        1 => probes.map(output, to, |x| x.max(0.0)),
        2 => probes.map(output, to, |x| x.max(0.0) + a * x.min(0.0)),
        3 => probes.map(output, to, |x| x.max(a).min(b)),
        4 => probes.map(output, to, sigmoid),
        5 => probes.map(output, to, |x| x * softplus(x).tanh()),
        6 => probes.map(output, to, |x| x * hard_sigmoid(x, a, b)),
        _ => probes.spoil(output),
    }
    Ok(())
}
