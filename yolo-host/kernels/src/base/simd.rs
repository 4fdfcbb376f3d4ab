//! Vectors of f32 for the fast kernels, with the same code for every set of instructions.
#![allow(unsafe_code)] // vector instructions, and loads and stores through pointers

/// A vector of [`LANES`](Simd::LANES) numbers.
///
/// # Safety
/// All functions need a processor that has the instructions, and pointers to as many numbers as they read or write.
#[allow(clippy::missing_safety_doc)] // said above
pub trait Simd: Copy {
    /// Numbers of a vector.
    const LANES: usize;
    type V: Copy;
    unsafe fn zero() -> Self::V;
    unsafe fn splat(value: f32) -> Self::V;
    unsafe fn load(from: *const f32) -> Self::V;
    /// The first `count` numbers, and zeros.
    unsafe fn load_part(from: *const f32, count: usize) -> Self::V;
    unsafe fn store(to: *mut f32, v: Self::V);
    /// Only the first `count` numbers.
    unsafe fn store_part(to: *mut f32, v: Self::V, count: usize);
    /// a·b + c
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// The smaller; `b` where either is NaN.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// The greater; `b` where either is NaN.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// How much it is above the next lower whole number.
    unsafe fn above_whole(v: Self::V) -> Self::V;
    /// v·2ⁿ for n rounded down, up to 126; from −127 down it may be 0.
    unsafe fn scale(v: Self::V, n: Self::V) -> Self::V;
    /// a/b
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
}

/// Asks for what lies there; any address will do.
#[inline(always)]
pub fn prefetch<T>(_at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: reads nothing that the program could see.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(_at.cast());
    }
}

/// The same for what will be written.
#[inline(always)]
pub fn prefetch_to_write(_at: *mut f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: likewise; processors that do not know it do nothing.
    unsafe {
        std::arch::asm!("prefetchw [{0}]", in(reg) _at, options(nostack, preserves_flags));
    }
}

/// Calls `kernel::<S>(arg)` with the vectors of a set of instructions, compiled for it.
macro_rules! dispatch {
    ($isa:expr, $kernel:ident($arg:expr): $type:ty) => {
        match $isa {
            #[cfg(target_arch = "x86_64")]
            $crate::base::isa::Isa::Avx512 => {
                #[target_feature(enable = "avx512f,avx512vl,avx2,fma")]
                unsafe fn run(arg: $type) {
                    // SAFETY: passed on.
                    unsafe { $kernel::<$crate::base::simd::Avx512>(arg) }
                }
                // SAFETY: this set is chosen only where the processor has it.
                unsafe { run($arg) }
            }
            #[cfg(target_arch = "x86_64")]
            $crate::base::isa::Isa::Avx2 => {
                #[target_feature(enable = "avx2,fma")]
                unsafe fn run(arg: $type) {
                    // SAFETY: passed on.
                    unsafe { $kernel::<$crate::base::simd::Avx2>(arg) }
                }
                // SAFETY: likewise.
                unsafe { run($arg) }
            }
            // SAFETY: nothing special is needed.
            _ => unsafe { $kernel::<$crate::base::simd::Portable>($arg) },
        }
    };
}
pub(crate) use dispatch;

/// Numbers of a vector, and how many vectors of channels a tile holds.
pub fn lanes(isa: super::isa::Isa) -> (usize, usize) {
    match isa {
        super::isa::Isa::Avx512 => (16, 4),
        super::isa::Isa::Avx2 => (8, 2),
        _ => (8, 1),
    }
}

/// Any processor: arrays, which the compiler puts into the registers that there are.
#[derive(Clone, Copy)]
pub struct Portable;

impl Simd for Portable {
    const LANES: usize = 8;
    type V = [f32; 8];

    #[inline(always)]
    unsafe fn zero() -> [f32; 8] {
        [0.0; 8]
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> [f32; 8] {
        [value; 8]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> [f32; 8] {
        // SAFETY: see the trait.
        unsafe { from.cast::<[f32; 8]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_part(from: *const f32, count: usize) -> [f32; 8] {
        let mut v = [0.0; 8];
        // SAFETY: see the trait.
        unsafe { std::ptr::copy_nonoverlapping(from, v.as_mut_ptr(), count.min(8)) };
        v
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, v: [f32; 8]) {
        // SAFETY: see the trait.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(v) }
    }

    #[inline(always)]
    unsafe fn store_part(to: *mut f32, v: [f32; 8], count: usize) {
        // SAFETY: see the trait.
        unsafe { std::ptr::copy_nonoverlapping(v.as_ptr(), to, count.min(8)) };
    }

    #[inline(always)]
    unsafe fn mul_add(a: [f32; 8], b: [f32; 8], c: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }

    #[inline(always)]
    unsafe fn add(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    unsafe fn mul(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] * b[i])
    }

    #[inline(always)]
    unsafe fn min(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    unsafe fn max(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    unsafe fn above_whole(v: [f32; 8]) -> [f32; 8] {
        v.map(|v| v - v.floor())
    }

    #[inline(always)]
    unsafe fn scale(v: [f32; 8], n: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| v[i] * f32::from_bits(((n[i].max(-127.0).floor() as i32 + 127) as u32) << 23))
    }

    #[inline(always)]
    unsafe fn div(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] / b[i])
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Simd;
    use std::arch::x86_64::*;

    /// 8 numbers.
    #[derive(Clone, Copy)]
    pub struct Avx2;

    /// The mask of the first `count` of eight.
    #[inline(always)]
    unsafe fn first(count: usize) -> __m256i {
        const ONES: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
        // SAFETY: 8 − count is from 0 to 8, and 8 more lie behind it.
        unsafe { _mm256_loadu_si256(ONES.as_ptr().add(8 - count.min(8)).cast()) }
    }

    // SAFETY in all that follows: see the trait.
    impl Simd for Avx2 {
        const LANES: usize = 8;
        type V = __m256;

        #[inline(always)]
        unsafe fn zero() -> __m256 {
            unsafe { _mm256_setzero_ps() }
        }

        #[inline(always)]
        unsafe fn splat(value: f32) -> __m256 {
            unsafe { _mm256_set1_ps(value) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> __m256 {
            unsafe { _mm256_loadu_ps(from) }
        }

        #[inline(always)]
        unsafe fn load_part(from: *const f32, count: usize) -> __m256 {
            unsafe { _mm256_maskload_ps(from, first(count)) }
        }

        #[inline(always)]
        unsafe fn store(to: *mut f32, v: __m256) {
            unsafe { _mm256_storeu_ps(to, v) }
        }

        #[inline(always)]
        unsafe fn store_part(to: *mut f32, v: __m256, count: usize) {
            unsafe { _mm256_maskstore_ps(to, first(count), v) }
        }

        #[inline(always)]
        unsafe fn mul_add(a: __m256, b: __m256, c: __m256) -> __m256 {
            unsafe { _mm256_fmadd_ps(a, b, c) }
        }

        #[inline(always)]
        unsafe fn add(a: __m256, b: __m256) -> __m256 {
            unsafe { _mm256_add_ps(a, b) }
        }

        #[inline(always)]
        unsafe fn mul(a: __m256, b: __m256) -> __m256 {
            unsafe { _mm256_mul_ps(a, b) }
        }

        #[inline(always)]
        unsafe fn min(a: __m256, b: __m256) -> __m256 {
            unsafe { _mm256_min_ps(a, b) }
        }

        #[inline(always)]
        unsafe fn max(a: __m256, b: __m256) -> __m256 {
            unsafe { _mm256_max_ps(a, b) }
        }

        #[inline(always)]
        unsafe fn above_whole(v: __m256) -> __m256 {
            unsafe { _mm256_sub_ps(v, _mm256_floor_ps(v)) }
        }

        #[inline(always)]
        unsafe fn scale(v: __m256, n: __m256) -> __m256 {
            unsafe {
                let n = _mm256_cvtps_epi32(_mm256_floor_ps(_mm256_max_ps(n, _mm256_set1_ps(-127.0))));
                let exponent = _mm256_add_epi32(n, _mm256_set1_epi32(127));
                _mm256_mul_ps(v, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent)))
            }
        }

        #[inline(always)]
        unsafe fn div(a: __m256, b: __m256) -> __m256 {
            unsafe { _mm256_div_ps(a, b) }
        }
    }

    /// 16 numbers.
    #[derive(Clone, Copy)]
    pub struct Avx512;

    #[inline(always)]
    fn mask(count: usize) -> __mmask16 {
        ((1u32 << count.min(16)) - 1) as __mmask16
    }

    impl Simd for Avx512 {
        const LANES: usize = 16;
        type V = __m512;

        #[inline(always)]
        unsafe fn zero() -> __m512 {
            unsafe { _mm512_setzero_ps() }
        }

        #[inline(always)]
        unsafe fn splat(value: f32) -> __m512 {
            unsafe { _mm512_set1_ps(value) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> __m512 {
            unsafe { _mm512_loadu_ps(from) }
        }

        #[inline(always)]
        unsafe fn load_part(from: *const f32, count: usize) -> __m512 {
            unsafe { _mm512_maskz_loadu_ps(mask(count), from) }
        }

        #[inline(always)]
        unsafe fn store(to: *mut f32, v: __m512) {
            unsafe { _mm512_storeu_ps(to, v) }
        }

        #[inline(always)]
        unsafe fn store_part(to: *mut f32, v: __m512, count: usize) {
            unsafe { _mm512_mask_storeu_ps(to, mask(count), v) }
        }

        #[inline(always)]
        unsafe fn mul_add(a: __m512, b: __m512, c: __m512) -> __m512 {
            unsafe { _mm512_fmadd_ps(a, b, c) }
        }

        #[inline(always)]
        unsafe fn add(a: __m512, b: __m512) -> __m512 {
            unsafe { _mm512_add_ps(a, b) }
        }

        #[inline(always)]
        unsafe fn mul(a: __m512, b: __m512) -> __m512 {
            unsafe { _mm512_mul_ps(a, b) }
        }

        #[inline(always)]
        unsafe fn min(a: __m512, b: __m512) -> __m512 {
            unsafe { _mm512_min_ps(a, b) }
        }

        #[inline(always)]
        unsafe fn max(a: __m512, b: __m512) -> __m512 {
            unsafe { _mm512_max_ps(a, b) }
        }

        #[inline(always)]
        unsafe fn above_whole(v: __m512) -> __m512 {
            unsafe {
                _mm512_sub_ps(v, _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(v))
            }
        }

        #[inline(always)]
        unsafe fn scale(v: __m512, n: __m512) -> __m512 {
            unsafe { _mm512_scalef_ps(v, n) }
        }

        #[inline(always)]
        unsafe fn div(a: __m512, b: __m512) -> __m512 {
            unsafe { _mm512_div_ps(a, b) }
        }
    }
}
