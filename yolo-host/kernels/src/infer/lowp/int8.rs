//! Four numbers of 8 bits a word: inputs 0 to 255, weights −127 to 127, sums of 32 bits.
#![allow(unsafe_code)] // vector instructions, and loads and stores through pointers

use super::format::{Kernel, Steps};
use crate::base::simd::Simd;
use crate::infer::dot::Products;
use std::marker::PhantomData;

/// The most products that a sum of 32 bits holds, whatever they are.
pub const MOST: usize = i32::MAX as usize / (255 * 127);

/// Any processor with vectors of eight; its sums are the same whole numbers.
#[derive(Clone, Copy)]
pub struct Plain<S>(PhantomData<S>);

impl<S: Simd> Products for Plain<S> {
    type S = S;
    type Sum = [i32; 8];
    type Words = [u32; 8];

    #[inline(always)]
    unsafe fn start(from: *const u32) -> [i32; 8] {
        // SAFETY: see the trait, as in all that follows.
        unsafe { from.cast::<[i32; 8]>().read_unaligned() }
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
    unsafe fn dot(mut sum: [i32; 8], x: [u32; 8], w: [u32; 8]) -> [i32; 8] {
        for i in 0..8 {
            for shift in [0, 8, 16, 24] {
                let product = (x[i] >> shift & 255) as i32 * i32::from((w[i] >> shift) as u8 as i8);
                sum[i] = sum[i].wrapping_add(product);
            }
        }
        sum
    }

    #[inline(always)]
    unsafe fn finish(sum: [i32; 8], scale: *const f32, bias: *const f32) -> S::V {
        let mut wide = [0.0; 8];
        for i in 0..8 {
            wide[i] = sum[i] as f32;
        }
        // SAFETY: see the trait. Not in one step, which not every processor has: all round alike.
        unsafe { S::add(S::mul(S::load(wide.as_ptr()), S::load(scale)), S::load(bias)) }
    }
}

impl<S: Simd> Kernel for Plain<S> {
    const BYTES: usize = 1;
    const SPARSE: bool = false;

    #[inline(always)]
    unsafe fn convert(from: *const f32, count: usize, steps: &Steps, to: *mut u8) {
        for i in 0..count {
            // SAFETY: see the trait.
            unsafe {
                let step = *from.add(i) * steps.factor;
                // In this way what is not a number becomes the first step.
                let step = if step > steps.low { step } else { steps.low };
                let step = if step < steps.high { step } else { steps.high };
                *to.add(i) = (step.round_ties_even() as i32 + steps.zero) as u8;
            }
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

    /// AVX512-VNNI.
    #[derive(Clone, Copy)]
    pub struct Avx512;

    // SAFETY in all that follows: see the trait.
    impl Products for Avx512 {
        type S = simd::Avx512;
        type Sum = __m512i;
        type Words = __m512i;

        #[inline(always)]
        unsafe fn start(from: *const u32) -> __m512i {
            unsafe { _mm512_loadu_si512(from.cast()) }
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
        unsafe fn dot(sum: __m512i, x: __m512i, w: __m512i) -> __m512i {
            unsafe { _mm512_dpbusd_epi32(sum, x, w) }
        }

        #[inline(always)]
        unsafe fn finish(sum: __m512i, scale: *const f32, bias: *const f32) -> __m512 {
            unsafe {
                let scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(scale));
                _mm512_add_ps(scaled, _mm512_loadu_ps(bias))
            }
        }
    }

    impl Kernel for Avx512 {
        const BYTES: usize = 1;
        const SPARSE: bool = false;

        #[inline(always)]
        unsafe fn convert(from: *const f32, count: usize, steps: &Steps, to: *mut u8) {
            unsafe {
                let mask = if count >= 16 { 0xffff } else { ((1u32 << count) - 1) as __mmask16 };
                let step = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, from), _mm512_set1_ps(steps.factor));
                // Where either is not a number, both give the second.
                let step = _mm512_max_ps(step, _mm512_set1_ps(steps.low));
                let step = _mm512_min_ps(step, _mm512_set1_ps(steps.high));
                let whole = _mm512_add_epi32(_mm512_cvtps_epi32(step), _mm512_set1_epi32(steps.zero));
                let bytes = _mm512_cvtepi32_epi8(whole);
                if count >= 16 {
                    _mm_storeu_si128(to.cast(), bytes);
                } else {
                    _mm_mask_storeu_epi8(to.cast(), mask, bytes);
                }
            }
        }
    }
}
