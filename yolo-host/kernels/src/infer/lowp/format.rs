//! What the loops of reduced precision need of a format, whatever computes it: see [`bf16`](super::bf16) and
//! [`int8`](super::int8).
#![allow(unsafe_code)] // vector instructions, and loads and stores through pointers

use crate::base::isa::Isa;
use crate::infer::dot::Products;

/// Numbers and arithmetic of a convolution of reduced precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Format {
    /// Both factors rounded to 8 bits of mantissa; sums in 32-bit floating point.
    Bf16,
    /// Inputs as 256 steps over this range, weights as whole numbers up to ±127 for each output channel, sums in 32-bit
    /// whole numbers. Inputs beyond the range become its ends.
    Int8([f32; 2]),
}

impl Format {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Format::Bf16 => "bf16",
            Format::Int8(_) => "int8",
        }
    }

    /// Bytes of a number.
    pub fn bytes(&self) -> usize {
        match self {
            Format::Bf16 => 2,
            Format::Int8(_) => 1,
        }
    }

    /// The instructions that compute it where `isa` is chosen: this processor may have those of the format, or not.
    pub fn isa(&self, isa: Isa) -> Isa {
        match isa {
            Isa::Avx512 if self.has_instructions() => Isa::Avx512,
            Isa::Avx512 | Isa::Avx2 => Isa::Avx2,
            _ => Isa::Portable,
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn has_instructions(&self) -> bool {
        match self {
            Format::Bf16 => is_x86_feature_detected!("avx512bf16"),
            Format::Int8(_) => is_x86_feature_detected!("avx512vnni"),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn has_instructions(&self) -> bool {
        false
    }
}

/// How inputs become whole numbers: round(x · factor), from `low` to `high`, plus `zero`. A format of floating point takes
/// none of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    /// Steps a unit.
    pub factor: f32,
    /// The number of the first step, and of the last; 0 is between them.
    pub low: f32,
    /// See there.
    pub high: f32,
    /// What zero becomes.
    pub zero: i32,
}

impl Steps {
    /// For floating point.
    pub const NONE: Steps = Steps { factor: 1.0, low: 0.0, high: 0.0, zero: 0 };

    /// 255 steps over a range, which is widened to have zero in it; nothing for a range without extent, or without end.
    pub fn over([low, high]: [f32; 2]) -> Option<Self> {
        let (low, high) = (f64::from(low).min(0.0), f64::from(high).max(0.0));
        let step = (high - low) / 255.0;
        let factor = (1.0 / step) as f32;
        if !(step.is_finite() && factor.is_normal()) {
            return None;
        }
        let zero = (-low / step).round_ties_even().clamp(0.0, 255.0);
        Some(Steps { factor, low: -zero as f32, high: (255.0 - zero) as f32, zero: zero as i32 })
    }
}

/// A format with the instructions that compute it, and convert to it.
///
/// # Safety
/// All functions need a processor that has the instructions, and pointers to as many numbers as they read or write.
#[allow(clippy::missing_safety_doc)] // said above
pub trait Kernel: Products {
    /// Bytes of a number.
    const BYTES: usize;
    /// Whether zeros may be left out of sums.
    const SPARSE: bool;
    /// Converts `count` numbers, at most a vector.
    unsafe fn convert(from: *const f32, count: usize, steps: &Steps, to: *mut u8);
}

/// Calls `kernel::<K>(arg)` with the kernel of a format and a set of instructions ([`Format::isa`]), compiled for it.
macro_rules! dispatch_narrow {
    ($format:expr, $isa:expr, $kernel:ident($arg:expr): $type:ty) => {
        match ($format, $isa) {
            #[cfg(target_arch = "x86_64")]
            (Format::Bf16, Isa::Avx512) => {
                #[target_feature(enable = "avx512bf16,avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
                unsafe fn run(arg: $type) {
                    // SAFETY: passed on.
                    unsafe { $kernel::<$crate::infer::lowp::bf16::Avx512>(arg) }
                }
                // SAFETY: this set is chosen only where the processor has it.
                unsafe { run($arg) }
            }
            #[cfg(target_arch = "x86_64")]
            (Format::Int8(_), Isa::Avx512) => {
                #[target_feature(enable = "avx512vnni,avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
                unsafe fn run(arg: $type) {
                    // SAFETY: passed on.
                    unsafe { $kernel::<$crate::infer::lowp::int8::Avx512>(arg) }
                }
                // SAFETY: likewise.
                unsafe { run($arg) }
            }
            #[cfg(target_arch = "x86_64")]
            (format, Isa::Avx2) => {
                #[target_feature(enable = "avx2,fma")]
                unsafe fn run((arg, format): ($type, Format)) {
                    // SAFETY: passed on.
                    unsafe {
                        match format {
                            Format::Bf16 => {
                                $kernel::<$crate::infer::lowp::bf16::Plain<$crate::base::simd::Avx2>>(arg)
                            }
                            Format::Int8(_) => {
                                $kernel::<$crate::infer::lowp::int8::Plain<$crate::base::simd::Avx2>>(arg)
                            }
                        }
                    }
                }
                // SAFETY: likewise.
                unsafe { run(($arg, format)) }
            }
            // SAFETY: nothing special is needed.
            (Format::Bf16, _) => unsafe {
                $kernel::<$crate::infer::lowp::bf16::Plain<$crate::base::simd::Portable>>($arg)
            },
            // SAFETY: likewise.
            (Format::Int8(_), _) => unsafe {
                $kernel::<$crate::infer::lowp::int8::Plain<$crate::base::simd::Portable>>($arg)
            },
        }
    };
}
pub(super) use dispatch_narrow;
