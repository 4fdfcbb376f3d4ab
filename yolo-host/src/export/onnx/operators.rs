//! Operators of ONNX's own domain that a plugin's operation may be: tensors in, one tensor out, no attribute that must be given.

/// The operator set in which an operator appeared, 13 for all that are older; nothing if there is none up to opset 20.
pub fn since(operator: &str) -> Option<i64> {
    let newer = NEWER.iter().find(|(name, _)| *name == operator).map(|(_, opset)| *opset);
    newer.or_else(|| OLDER.contains(&operator).then_some(13))
}

// `docs/Changelog.md` of ONNX.
const NEWER: [(&str, i64); 5] =
    [("HardSwish", 14), ("GridSample", 16), ("LayerNormalization", 17), ("Mish", 18), ("Gelu", 20)];

const OLDER: [&str; 56] = [
    "Abs",
    "Acos",
    "Acosh",
    "Add",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "Ceil",
    "Celu",
    "Cos",
    "Cosh",
    "Div",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "HardSigmoid",
    "Hardmax",
    "Identity",
    "InstanceNormalization",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "MatMul",
    "Max",
    "Mean",
    "MeanVarianceNormalization",
    "Min",
    "Mul",
    "Neg",
    "PRelu",
    "Pow",
    "Reciprocal",
    "Relu",
    "Round",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Softmax",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Sub",
    "Sum",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
    "Transpose",
];
