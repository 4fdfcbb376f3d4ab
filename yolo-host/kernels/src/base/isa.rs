//! Which instruction set the kernels use: the best that this processor has, or the one that `YOLO_KERNELS` names.
#![allow(unsafe_code)] // `dispatch!` calls functions that need their instruction set

use super::simd::dot::LowPrecisionDot;
use super::simd::{Simd, Tiling, dispatch, instruction_sets};
use std::sync::OnceLock;

/// Whether this processor has a feature, on the architecture that has such features.
#[allow(unused_macros)] // on architectures that have no set in the table
macro_rules! detected {
    ("x86_64", $feature:tt) => {
        is_x86_feature_detected!($feature)
    };
    ("aarch64", $feature:tt) => {
        std::arch::is_aarch64_feature_detected!($feature)
    };
    // A module with instructions that a browser lacks is not loaded at all: what it was compiled for is there.
    ("wasm32", $feature:tt) => {
        cfg!(target_feature = $feature)
    };
}

/// The enumeration of the table's instruction sets.
macro_rules! enumerate {
    ({ $($(#[$doc:meta])* $set:ident $name:literal on $arch:tt with [$($feature:tt),*])* }) => {
        /// An instruction set.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Isa {
            /// Plain loops, the readable ones that the others are tested against; what has none uses the portable vectors.
            Reference,
            /// The fast algorithms without special instructions: any processor.
            Portable,
            $(
                #[cfg(target_arch = $arch)]
                $(#[$doc])*
                $set,
            )*
        }

        impl Isa {
            /// Those that this processor can run, the simplest first.
            pub fn available() -> Vec<Isa> {
                #[allow(unused_mut)] // on other architectures
                let mut sets = vec![Isa::Reference, Isa::Portable];
                $(
                    #[cfg(target_arch = $arch)]
                    if $(detected!($arch, $feature))&&* {
                        sets.push(Isa::$set);
                    }
                )*
                sets
            }

            /// Its name in `YOLO_KERNELS`.
            pub fn name(self) -> &'static str {
                match self {
                    Isa::Reference => "reference",
                    Isa::Portable => "portable",
                    $(
                        #[cfg(target_arch = $arch)]
                        Isa::$set => $name,
                    )*
                }
            }
        }
    };
}
instruction_sets!([enumerate]);

impl Isa {
    /// This set, for kernels to rely on.
    ///
    /// # Panics
    /// Where this processor lacks its instructions.
    pub(crate) fn required(self) -> Isa {
        assert!(Isa::available().contains(&self), "this processor has no {}", self.name());
        self
    }

    /// The sizes of its vectors and tiles.
    pub(crate) fn tiling(self) -> Tiling {
        #[inline(always)]
        unsafe fn tiling<S: Simd>() -> Tiling {
            Tiling::of::<S>()
        }
        dispatch!(self, tiling() -> Tiling)
    }

    /// Whether this processor has what the set's dot products need in bf16 and in int8.
    fn low_precision(self) -> LowPrecisionSupport {
        #[inline(always)]
        unsafe fn support<S: Simd>() -> LowPrecisionSupport {
            LowPrecisionSupport { bf16: S::Bf16::is_available(), int8: S::Int8::is_available() }
        }
        dispatch!(self, support() -> LowPrecisionSupport)
    }

    /// The best set up to this one whose bf16 dot product this processor has.
    pub(crate) fn for_bf16(self) -> Isa {
        self.best(|support| support.bf16)
    }

    /// The best set up to this one whose int8 dot product this processor has.
    pub(crate) fn for_int8(self) -> Isa {
        self.best(|support| support.int8)
    }

    fn best(self, suits: impl Fn(LowPrecisionSupport) -> bool) -> Isa {
        let sets = Isa::available().into_iter().rev().filter(|set| *set <= self);
        sets.into_iter().find(|set| suits(set.low_precision())).unwrap_or(Isa::Portable)
    }
}

#[derive(Clone, Copy)]
struct LowPrecisionSupport {
    bf16: bool,
    int8: bool,
}

/// The set in use. One that `YOLO_KERNELS` names and this processor lacks is not used.
pub fn isa() -> Isa {
    static ISA: OnceLock<Isa> = OnceLock::new();
    *ISA.get_or_init(|| {
        let available = Isa::available();
        let wanted = std::env::var("YOLO_KERNELS").unwrap_or_default();
        let named = available.iter().find(|isa| isa.name() == wanted);
        *named.or(available.last()).unwrap_or(&Isa::Portable)
    })
}
