//! Two numbers of 16 bits a word: f32 without its last sixteen bits, rounded to the nearest, halves to even.
#![allow(unsafe_code)] // vector instructions, and loads and stores through pointers

use super::format::{Kernel, Steps};
use crate::base::simd::Simd;
use crate::infer::dot::Products;
use std::marker::PhantomData;

/// Any processor with vectors of eight: products in f32, which are exact, added one after the other.
#[derive(Clone, Copy)]
pub struct Plain<S>(PhantomData<S>);

/// A number rounded, and what is left out of it as zeros.
#[inline(always)]
pub fn round(value: f32) -> u16 {
    let bits = value.to_bits();
    match value.is_nan() {
        // The rounding could carry into the sign.
        true => (bits >> 16) as u16 | 0x40,
        false => ((bits.wrapping_add(0x7fff + (bits >> 16 & 1))) >> 16) as u16,
    }
}

impl<S: Simd> Products for Plain<S> {
    type S = S;
    type Sum = [f32; 8];
    type Words = [u32; 8];

    #[inline(always)]
    unsafe fn start(from: *const u32) -> [f32; 8] {
        // SAFETY: see the trait, as in all that follows.
        unsafe { from.cast::<[f32; 8]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load(from: *const u32) -> [u32; 8] {
        // SAFETY: see the trait.
        unsafe { from.cast::<[u32; 8]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn splat(from: *const u8) -> [u32; 8] {
        // SAFETY: see the trait.
        [unsafe { from.cast::<u32>().read_unaligned() }; 8]
    }

    #[inline(always)]
    unsafe fn dot(mut sum: [f32; 8], x: [u32; 8], w: [u32; 8]) -> [f32; 8] {
        const HIGH: u32 = 0xffff_0000;
        for i in 0..8 {
            sum[i] += f32::from_bits(x[i] << 16) * f32::from_bits(w[i] << 16);
            sum[i] += f32::from_bits(x[i] & HIGH) * f32::from_bits(w[i] & HIGH);
        }
        sum
    }

    #[inline(always)]
    unsafe fn finish(sum: [f32; 8], _scale: *const f32, _bias: *const f32) -> S::V {
        // SAFETY: both have eight numbers.
        unsafe { S::load(sum.as_ptr()) }
    }
}

impl<S: Simd> Kernel for Plain<S> {
    const BYTES: usize = 2;
    const SPARSE: bool = true;

    #[inline(always)]
    unsafe fn convert(from: *const f32, count: usize, _steps: &Steps, to: *mut u8) {
        for i in 0..count {
            // SAFETY: see the trait.
            unsafe { to.cast::<u16>().add(i).write_unaligned(round(*from.add(i))) };
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::Avx512;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Kernel, Products, Steps};
    use crate::base::simd;
    use std::arch::x86_64::*;

    /// AVX512-BF16, which takes numbers below 2⁻¹²⁶ for zero.
    #[derive(Clone, Copy)]
    pub struct Avx512;

    // SAFETY in all that follows: see the trait.
    impl Products for Avx512 {
        type S = simd::Avx512;
        type Sum = __m512;
        type Words = __m512i;

        #[inline(always)]
        unsafe fn start(from: *const u32) -> __m512 {
            unsafe { _mm512_loadu_ps(from.cast()) }
        }

        #[inline(always)]
        unsafe fn load(from: *const u32) -> __m512i {
            unsafe { _mm512_loadu_si512(from.cast()) }
        }

        #[inline(always)]
        unsafe fn splat(from: *const u8) -> __m512i {
            unsafe { _mm512_set1_epi32(from.cast::<i32>().read_unaligned()) }
        }

        #[inline(always)]
        unsafe fn dot(sum: __m512, x: __m512i, w: __m512i) -> __m512 {
            // The types differ in name only.
            unsafe {
                _mm512_dpbf16_ps(
                    sum,
                    std::mem::transmute::<__m512i, __m512bh>(x),
                    std::mem::transmute::<__m512i, __m512bh>(w),
                )
            }
        }

        #[inline(always)]
        unsafe fn finish(sum: __m512, _scale: *const f32, _bias: *const f32) -> __m512 {
            sum
        }
    }

    impl Kernel for Avx512 {
        const BYTES: usize = 2;
        const SPARSE: bool = true;

        #[inline(always)]
        unsafe fn convert(from: *const f32, count: usize, _steps: &Steps, to: *mut u8) {
            unsafe {
                if count >= 16 {
                    let narrow: __m256i = std::mem::transmute(_mm512_cvtneps_pbh(_mm512_loadu_ps(from)));
                    _mm256_storeu_si256(to.cast(), narrow);
                } else {
                    let mask = ((1u32 << count) - 1) as __mmask16;
                    let wide = _mm512_maskz_loadu_ps(mask, from);
                    let narrow: __m256i = std::mem::transmute(_mm512_cvtneps_pbh(wide));
                    _mm256_mask_storeu_epi16(to.cast(), mask, narrow);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    fn rounding_is_that_of_half() {
        let numbers = (0..=u32::MAX).step_by(65_521).map(f32::from_bits);
        let edges = [
            0.0,
            -0.0,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::MAX,
            f32::MIN_POSITIVE,
            1.003_906_2,
            1.011_718_8,
        ];
        for value in numbers.chain(edges) {
            let expected = half::bf16::from_f32(value);
            let given = half::bf16::from_bits(round(value));
            assert!(given.to_bits() == expected.to_bits() || given.is_nan() && expected.is_nan(), "{value}");
        }
    }
}
