//! Instruction sets. Each is one file that implements [`Simd`]: its vectors, and the tiles that fit its registers; and one for
//! its dot products in less than f32, if it has any. A new one takes such files, their `mod` lines and lines in the tables, all below.

#[cfg(target_arch = "aarch64")]
mod arm_instructions;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx2_dot;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
pub mod dot;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "aarch64")]
mod neon_bf16;
#[cfg(target_arch = "aarch64")]
mod neon_fp16;
#[cfg(target_arch = "aarch64")]
mod neon_int8;
pub(crate) mod portable;
mod vector;
#[cfg(target_arch = "wasm32")]
mod wasm;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx2_dot::{Avx2Bf16, Avx2Int8, AvxVnni};
#[cfg(target_arch = "x86_64")]
pub use avx512::{Avx512, Avx512Bf16, Avx512Vnni};
pub(crate) use dispatch::{dispatch, dispatch_among, enter, vectorised};
#[cfg(target_arch = "aarch64")]
pub use neon::Neon;
#[cfg(target_arch = "aarch64")]
pub use neon_bf16::{NeonBf16, NeonBfmmla};
#[cfg(target_arch = "aarch64")]
pub use neon_fp16::NeonFp16;
#[cfg(target_arch = "aarch64")]
pub use neon_int8::{NeonInt8, NeonSdot, NeonSmmla};
pub use portable::Portable;
pub use vector::{MAX_LANES, Simd, Tiling};
#[cfg(target_arch = "wasm32")]
pub use wasm::Wasm;

/// Hands the table of instruction sets to another macro, before the arguments of the call: those that not every processor
/// has, the simplest first. A set is used where the processor has all features of its list, and its kernels are compiled
/// with them.
macro_rules! instruction_sets {
    ([$($macro:tt)*] $($arguments:tt)*) => {
        $($macro)*! {
            {
                /// 256-bit vectors and fused multiply-add.
                Avx2 "avx2" on "x86_64" with ["avx2", "fma"]
                /// 512-bit vectors with masks.
                Avx512 "avx512" on "x86_64"
                    with ["avx512f", "avx512vl", "avx512bw", "avx512dq", "avx2", "fma"]
                /// 128-bit vectors.
                Neon "neon" on "aarch64" with ["neon"]
                /// 128-bit vectors of WebAssembly.
                Wasm "wasm" on "wasm32" with ["simd128"]
            }
            $($arguments)*
        }
    };
}
pub(crate) use instruction_sets;

/// Hands the table of dot products in bf16, fp16 and int8 to another macro, likewise, the simplest of each set first. A dot product is
/// used where the processor has its set and the features that follow `and`; kernels are compiled with those of both lists.
macro_rules! dot_products {
    ([$($macro:tt)*] $($arguments:tt)*) => {
        $($macro)*! {
            {
                /// Shifts and multiply-adds in f32.
                Avx2Bf16 Bf16 in Avx2 on "x86_64" with ["avx2", "fma"] and [] = $crate::base::simd::Avx2Bf16;
                /// Products of 16 bits on vectors of AVX2.
                Avx2Int8 Int8 in Avx2 on "x86_64" with ["avx2", "fma"] and [] = $crate::base::simd::Avx2Int8;
                /// VNNI on vectors of AVX2.
                AvxVnni Int8 in Avx2 on "x86_64" with ["avx2", "fma"] and ["avxvnni"]
                    = $crate::base::simd::AvxVnni;
                /// Pairs of bf16 on vectors of AVX-512.
                Avx512Bf16 Bf16 in Avx512 on "x86_64" with ["avx512f", "avx512vl", "avx512bw", "avx512dq", "avx2", "fma"] and ["avx512bf16"]
                    = $crate::base::simd::Avx512Bf16;
                /// VNNI on vectors of AVX-512.
                Avx512Vnni Int8 in Avx512 on "x86_64" with ["avx512f", "avx512vl", "avx512bw", "avx512dq", "avx2", "fma"] and ["avx512vnni"]
                    = $crate::base::simd::Avx512Vnni;
                /// Plain arithmetic on WebAssembly's vectors.
                WasmBf16 Bf16 in Wasm on "wasm32" with ["simd128"] and []
                    = $crate::base::simd::portable::Bf16Dot<$crate::base::simd::Wasm, 4>;
                /// Plain arithmetic on WebAssembly's vectors.
                WasmInt8 Int8 in Wasm on "wasm32" with ["simd128"] and []
                    = $crate::base::simd::portable::Int8Dot<$crate::base::simd::Wasm, 4>;
                /// Shifts and multiply-adds in f32.
                NeonBf16 Bf16 in Neon on "aarch64" with ["neon"] and [] = $crate::base::simd::NeonBf16;
                /// `bfmmla`
                NeonBfmmla Bf16 in Neon on "aarch64" with ["neon"] and ["bf16"] = $crate::base::simd::NeonBfmmla;
                /// `fmla` on eight numbers
                NeonFp16 Fp16 in Neon on "aarch64" with ["neon"] and ["fp16"] = $crate::base::simd::NeonFp16;
                /// Products of 16 bits.
                NeonInt8 Int8 in Neon on "aarch64" with ["neon"] and [] = $crate::base::simd::NeonInt8;
                /// `sdot`
                NeonSdot Int8 in Neon on "aarch64" with ["neon"] and ["dotprod"] = $crate::base::simd::NeonSdot;
                /// `smmla`
                NeonSmmla Int8 in Neon on "aarch64" with ["neon"] and ["i8mm"] = $crate::base::simd::NeonSmmla;
            }
            $($arguments)*
        }
    };
}
pub(crate) use dot_products;
