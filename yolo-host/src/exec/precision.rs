//! What numbers a network is computed with.

use std::fmt;

/// The numbers and the arithmetic of a network. Each executor says which it takes; asked for another,
/// it fails with [`Error::Precision`](super::Error::Precision).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 64-bit floating point, in which whole networks can be checked.
    F64,
    /// 32-bit floating point.
    #[default]
    F32,
    /// As f32, but on CUDA convolutions round what they multiply to ten bits, as PyTorch lets them.
    Tf32,
    /// 16-bit floating point with the range of f32 (bfloat16). In inference on the CPU convolutions round both factors and sum
    /// in f32. In training maps and their gradients are bf16; parameters, their gradients and batch norm are f32, and no
    /// gradient needs to be scaled.
    Bf16,
    /// IEEE's 16-bit floating point. In inference on the CPU convolutions round both factors to 11 bits, up to 65 504, and sum in
    /// 16 bits where the processor has their arithmetic, as ARM has since ARMv8.2; in f32 elsewhere.
    Fp16,
    /// Both factors of convolutions as whole numbers of 8 bits: weights by output channel, inputs over calibrated ranges.
    Int8,
}

impl Precision {
    /// Its name, such as `bf16`.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F64 => "f64",
            Precision::F32 => "f32",
            Precision::Tf32 => "tf32",
            Precision::Bf16 => "bf16",
            Precision::Fp16 => "fp16",
            Precision::Int8 => "int8",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Names one after another, for messages.
pub(super) fn names(precisions: &[Precision]) -> String {
    let names: Vec<&str> = precisions.iter().map(|precision| precision.name()).collect();
    match names.as_slice() {
        [before @ .., last] if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        names => names.concat(),
    }
}
