//! The numbers that a convolution of low precision multiplies.

use crate::base::Numbers;

/// Numbers and arithmetic of a convolution in less than f32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LowPrecision {
    /// Input and weights rounded to 8 bits of mantissa; sums in f32.
    Bf16,
    /// Input and weights rounded to 11 bits of mantissa, up to 65 504; sums of 16 bits where the processor has their arithmetic.
    Fp16,
    /// Input as 256 steps over this range, weights as whole numbers up to ±127 for each output channel, sums in i32. Input
    /// beyond the range is cut off at its ends.
    Int8([f32; 2]),
}

impl LowPrecision {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            LowPrecision::Bf16 => "bf16",
            LowPrecision::Fp16 => "fp16",
            LowPrecision::Int8(_) => "int8",
        }
    }

    /// Bytes of a number.
    pub fn bytes(&self) -> usize {
        match self {
            LowPrecision::Bf16 | LowPrecision::Fp16 => 2,
            LowPrecision::Int8(_) => 1,
        }
    }

    /// What its dot products multiply.
    pub fn numbers(&self) -> Numbers {
        match self {
            LowPrecision::Bf16 => Numbers::Bf16,
            LowPrecision::Fp16 => Numbers::Fp16,
            LowPrecision::Int8(_) => Numbers::Int8,
        }
    }
}
