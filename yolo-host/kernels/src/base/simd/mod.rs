//! Instruction sets. Each is one file that implements [`Simd`]: its vectors, the tiles that fit its registers, and its dot
//! products in bf16 and int8. A new one takes such a file, its `mod` line and its line in the table, both below.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
pub mod dot;
mod portable;
mod vector;
#[cfg(target_arch = "wasm32")]
mod wasm;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
pub(crate) use dispatch::{dispatch, dispatch_among, enter, vectorised};
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
                /// 128-bit vectors of WebAssembly.
                Wasm "wasm" on "wasm32" with ["simd128"]
            }
            $($arguments)*
        }
    };
}
pub(crate) use instruction_sets;
