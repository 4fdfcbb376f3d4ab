//! AVX-512: F, VL, BW and DQ, and BF16 and VNNI for low precision.
#![allow(unsafe_code)] // vector instructions, and loads and stores through pointers

use super::Simd;
use super::dot::{Dot, LowPrecisionDot, QuantParams};
use std::arch::x86_64::*;

/// Vectors of 16 floats.
#[derive(Clone, Copy)]
pub struct Avx512;

#[inline(always)]
fn mask(count: usize) -> __mmask16 {
    ((1u32 << count.min(16)) - 1) as __mmask16
}

impl Simd for Avx512 {
    const LANES: usize = 16;
    // Thirty-two registers: 28 sums, two vectors of weights and one of the input.
    const INFER_TILES: &[&[usize]] = &[&[28, 20, 14, 10, 6, 4, 2, 1], &[14, 13, 10, 6, 4, 2, 1]];
    const TRAIN_TILES: &[usize] = &[12, 12, 8, 6];
    type Wide = Avx512;
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
    unsafe fn load_partial(from: *const f32, count: usize) -> __m512 {
        unsafe { _mm512_maskz_loadu_ps(mask(count), from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, v: __m512) {
        unsafe { _mm512_storeu_ps(to, v) }
    }

    #[inline(always)]
    unsafe fn store_partial(to: *mut f32, v: __m512, count: usize) {
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
    unsafe fn fraction(v: __m512) -> __m512 {
        unsafe { _mm512_sub_ps(v, _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(v)) }
    }

    #[inline(always)]
    unsafe fn scalef(v: __m512, n: __m512) -> __m512 {
        unsafe { _mm512_scalef_ps(v, n) }
    }

    #[inline(always)]
    unsafe fn div(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_div_ps(a, b) }
    }
}

/// AVX512-BF16, which takes numbers below 2⁻¹²⁶ for zero.
#[derive(Clone, Copy)]
pub struct Avx512Bf16;

// SAFETY in all that follows: see the trait.
impl Dot for Avx512Bf16 {
    type S = Avx512;
    type Sum = __m512;
    type Weights = __m512i;
    type Input = __m512i;

    #[inline(always)]
    unsafe fn init(from: *const u32) -> __m512 {
        unsafe { _mm512_loadu_ps(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_weights(from: *const u32) -> __m512i {
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_input(from: *const u8, step: usize) -> __m512i {
        unsafe { Self::load_step(from, step) }
    }

    #[inline(always)]
    unsafe fn load_step(from: *const u8, _step: usize) -> __m512i {
        unsafe { _mm512_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn dot<const STEP: i32>(sum: __m512, x: __m512i, w: __m512i) -> __m512 {
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
    unsafe fn store(sum: __m512, _scale: *const f32, _bias: *const f32, to: *mut f32, _pitch: usize) {
        unsafe { _mm512_storeu_ps(to, sum) }
    }
}

impl LowPrecisionDot for Avx512Bf16 {
    const BYTES: usize = 2;
    const SKIPS_ZEROS: bool = true;

    #[inline(always)]
    unsafe fn convert(from: *const f32, count: usize, _params: &QuantParams, to: *mut u8) {
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

/// AVX512-VNNI.
#[derive(Clone, Copy)]
pub struct Avx512Vnni;

// SAFETY in all that follows: see the trait.
impl Dot for Avx512Vnni {
    type S = Avx512;
    type Sum = __m512i;
    type Weights = __m512i;
    type Input = __m512i;

    #[inline(always)]
    unsafe fn init(from: *const u32) -> __m512i {
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_weights(from: *const u32) -> __m512i {
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_input(from: *const u8, step: usize) -> __m512i {
        unsafe { Self::load_step(from, step) }
    }

    #[inline(always)]
    unsafe fn load_step(from: *const u8, _step: usize) -> __m512i {
        unsafe { _mm512_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn dot<const STEP: i32>(sum: __m512i, x: __m512i, w: __m512i) -> __m512i {
        unsafe { _mm512_dpbusd_epi32(sum, x, w) }
    }

    #[inline(always)]
    unsafe fn store(sum: __m512i, scale: *const f32, bias: *const f32, to: *mut f32, _pitch: usize) {
        unsafe {
            let scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(scale));
            _mm512_storeu_ps(to, _mm512_add_ps(scaled, _mm512_loadu_ps(bias)))
        }
    }
}

impl LowPrecisionDot for Avx512Vnni {
    const BYTES: usize = 1;
    const SKIPS_ZEROS: bool = false;

    #[inline(always)]
    unsafe fn convert(from: *const f32, count: usize, params: &QuantParams, to: *mut u8) {
        unsafe {
            let mask = if count >= 16 { 0xffff } else { ((1u32 << count) - 1) as __mmask16 };
            let step = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, from), _mm512_set1_ps(params.inverse_scale));
            // Where either is not a number, both give the second.
            let step = _mm512_max_ps(step, _mm512_set1_ps(params.low));
            let step = _mm512_min_ps(step, _mm512_set1_ps(params.high));
            let whole = _mm512_add_epi32(_mm512_cvtps_epi32(step), _mm512_set1_epi32(params.zero_point));
            let bytes = _mm512_cvtepi32_epi8(whole);
            if count >= 16 {
                _mm_storeu_si128(to.cast(), bytes);
            } else {
                _mm_mask_storeu_epi8(to.cast(), mask, bytes);
            }
        }
    }
}
