//! Which instructions multiply bf16, fp16 and int8: the best that this processor has and `YOLO_KERNELS` allows.
#![allow(unsafe_code)] // kernels are compiled for instructions, and called where the processor has them

use super::isa::{Isa, isa};
#[allow(unused_imports)] // on architectures that have no dot product in the table
use super::isa::{detected, is_allowed};
use super::simd::dot::{DotKernel, LowPrecisionDot};
use super::simd::{Portable, Tiling, dot_products, portable};

/// Numbers of less than 32 bits that are multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Floats with the exponent of f32 and 8 bits of mantissa.
    Bf16,
    /// Floats of IEEE's 16 bits, and sums of 16 bits where the processor has their arithmetic.
    Fp16,
    /// Whole numbers of 8 bits.
    Int8,
}

/// What packs weights and inputs has to know of a dot product.
#[derive(Clone, Copy, Debug)]
pub struct DotLayout {
    /// Vectors and tiles.
    pub tiling: Tiling,
    /// `Dot::PIXELS`
    pub pixels: usize,
    /// `Dot::DEPTH`
    pub depth: usize,
    /// `LowPrecisionDot::OFFSET`
    pub offset: i32,
    /// `LowPrecisionDot::PARTS_APART`
    pub parts_apart: bool,
}

impl DotLayout {
    const fn of<D: LowPrecisionDot>() -> Self {
        let tiling = Tiling { infer: D::TILES, ..Tiling::of::<D::S>() };
        let (offset, parts_apart) = (D::OFFSET, D::PARTS_APART);
        DotLayout { tiling, pixels: D::PIXELS, depth: D::DEPTH, offset, parts_apart }
    }
}

/// The enumeration of the table's dot products.
macro_rules! enumerate {
    ({ $(
        $(#[$doc:meta])*
        $dot:ident $numbers:ident in $set:ident on $arch:tt with [$($base:tt),*] and [$($feature:tt),*] = $type:ty;
    )* }) => {
        /// The instructions of a dot product.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum DotProduct {
            /// Plain arithmetic on pairs of bf16.
            PortableBf16,
            /// Plain arithmetic on pairs of fp16.
            PortableFp16,
            /// Plain arithmetic on fours of int8.
            PortableInt8,
            $(
                #[cfg(target_arch = $arch)]
                $(#[$doc])*
                $dot,
            )*
        }

        impl DotProduct {
            /// Those that this processor can run and `YOLO_KERNELS` allows, the simplest first.
            pub fn available() -> Vec<DotProduct> {
                #[allow(unused_mut)] // on other architectures
                let mut all = vec![
                    DotProduct::PortableBf16,
                    DotProduct::PortableFp16,
                    DotProduct::PortableInt8,
                ];
                $(
                    #[cfg(target_arch = $arch)]
                    if Isa::available().contains(&Isa::$set)
                        $(&& detected!($arch, $feature) && is_allowed($feature))*
                    {
                        all.push(DotProduct::$dot);
                    }
                )*
                all
            }

            /// The numbers that it multiplies.
            pub fn numbers(self) -> Numbers {
                match self {
                    DotProduct::PortableBf16 => Numbers::Bf16,
                    DotProduct::PortableFp16 => Numbers::Fp16,
                    DotProduct::PortableInt8 => Numbers::Int8,
                    $(
                        #[cfg(target_arch = $arch)]
                        DotProduct::$dot => Numbers::$numbers,
                    )*
                }
            }

            /// The instruction set of its vectors of f32.
            pub fn isa(self) -> Isa {
                match self {
                    DotProduct::PortableBf16 | DotProduct::PortableFp16 | DotProduct::PortableInt8 => Isa::Portable,
                    $(
                        #[cfg(target_arch = $arch)]
                        DotProduct::$dot => Isa::$set,
                    )*
                }
            }

            /// What it needs beyond its instruction set, by the names that `YOLO_KERNELS` takes.
            pub fn features(self) -> &'static [&'static str] {
                match self {
                    DotProduct::PortableBf16 | DotProduct::PortableFp16 | DotProduct::PortableInt8 => &[],
                    $(
                        #[cfg(target_arch = $arch)]
                        DotProduct::$dot => &[$($feature),*],
                    )*
                }
            }

            /// What packs weights and inputs has to know.
            pub(crate) fn layout(self) -> DotLayout {
                match self {
                    DotProduct::PortableBf16 => const { DotLayout::of::<portable::Bf16Dot<Portable, 8>>() },
                    DotProduct::PortableFp16 => const { DotLayout::of::<portable::Fp16Dot<Portable, 8>>() },
                    DotProduct::PortableInt8 => const { DotLayout::of::<portable::Int8Dot<Portable, 8>>() },
                    $(
                        #[cfg(target_arch = $arch)]
                        DotProduct::$dot => const { DotLayout::of::<$type>() },
                    )*
                }
            }

            /// Runs a kernel, compiled for the dot product.
            ///
            /// # Safety
            /// This processor can run it, and what the kernel asks for.
            #[inline]
            pub(crate) unsafe fn run<K: DotKernel>(self, kernel: K) {
                // SAFETY: passed on.
                unsafe {
                    match self {
                        DotProduct::PortableBf16 => kernel.run::<portable::Bf16Dot<Portable, 8>>(),
                        DotProduct::PortableFp16 => kernel.run::<portable::Fp16Dot<Portable, 8>>(),
                        DotProduct::PortableInt8 => kernel.run::<portable::Int8Dot<Portable, 8>>(),
                        $(
                            #[cfg(target_arch = $arch)]
                            DotProduct::$dot => {
                                $(#[target_feature(enable = $base)])*
                                $(#[target_feature(enable = $feature)])*
                                unsafe fn enter<K: DotKernel>(kernel: K) {
                                    // SAFETY: passed on.
                                    unsafe { kernel.run::<$type>() }
                                }
                                enter(kernel)
                            }
                        )*
                    }
                }
            }
        }

        /// Whether this processor has one of [`FEATURES`].
        pub(super) fn is_detected(feature: &str) -> bool {
            match feature {
                $($(
                    #[cfg(target_arch = $arch)]
                    $feature => detected!($arch, $feature),
                )*)*
                _ => false,
            }
        }

        /// Features beyond the instruction sets of this architecture.
        pub(super) const FEATURES: &[&str] = &[$($(
            #[cfg(target_arch = $arch)]
            $feature,
        )*)*];
    };
}
dot_products!([enumerate]);

/// Whether the kernels in use have instructions for some numbers beyond those of their instruction set.
pub fn has_instructions(numbers: Numbers) -> bool {
    !DotProduct::best(numbers, isa()).features().is_empty()
}

impl DotProduct {
    /// The best for some numbers with vectors up to an instruction set.
    pub fn best(numbers: Numbers, isa: Isa) -> Self {
        let all = DotProduct::available().into_iter().rev();
        let mut fitting = all.filter(|dot| dot.numbers() == numbers && dot.isa() <= isa);
        fitting.next().unwrap_or(match numbers {
            Numbers::Bf16 => DotProduct::PortableBf16,
            Numbers::Fp16 => DotProduct::PortableFp16,
            Numbers::Int8 => DotProduct::PortableInt8,
        })
    }
}
