//! Dot products of int8 and bf16 on vectors of AVX2: by AVX-VNNI, and by AVX2's own instructions, which take about as long as f32.
#![allow(unsafe_code)] // vector instructions, and loads and stores through pointers

use super::avx2::Avx2;
use super::dot::{Dot, LowPrecisionDot, QuantParams};
use super::{Simd, portable};
use std::arch::x86_64::*;

/// Sums of whole numbers as f32, times a scale plus a bias, rounded twice as everywhere else.
#[inline(always)]
unsafe fn store(sum: __m256i, scale: *const f32, bias: *const f32, to: *mut f32) {
    // SAFETY: see `Dot::store`.
    unsafe {
        let scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(scale));
        _mm256_storeu_ps(to, _mm256_add_ps(scaled, _mm256_loadu_ps(bias)))
    }
}

/// Eight floats at most as bytes.
#[inline(always)]
unsafe fn convert(from: *const f32, count: usize, params: &QuantParams, to: *mut u8) {
    // SAFETY: see `LowPrecisionDot::convert`.
    unsafe {
        let step = _mm256_mul_ps(Avx2::load_partial(from, count), _mm256_set1_ps(params.inverse_scale));
        // Where either is not a number, both give the second.
        let step = _mm256_max_ps(step, _mm256_set1_ps(params.low));
        let step = _mm256_min_ps(step, _mm256_set1_ps(params.high));
        let whole = _mm256_add_epi32(_mm256_cvtps_epi32(step), _mm256_set1_epi32(params.zero_point));
        // All are from 0 to 255, which packing keeps: to 16 bits, then to 8.
        let halves = _mm_packus_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256::<1>(whole));
        let bytes = _mm_packus_epi16(halves, halves);
        if count >= 8 {
            _mm_storel_epi64(to.cast(), bytes);
        } else {
            std::ptr::copy_nonoverlapping((&raw const bytes).cast::<u8>(), to, count);
        }
    }
}

macro_rules! int8 {
    ($($dot:ident)*) => {
        $(
            impl LowPrecisionDot for $dot {
                const BYTES: usize = 1;
                const SKIPS_ZEROS: bool = false;

                #[inline(always)]
                unsafe fn convert(from: *const f32, count: usize, params: &QuantParams, to: *mut u8) {
                    // SAFETY: passed on.
                    unsafe { convert(from, count, params, to) }
                }
            }
        )*
    };
}
int8!(AvxVnni Avx2Int8);

/// AVX-VNNI: VNNI on 256 bits, of processors without AVX-512.
#[derive(Clone, Copy)]
pub struct AvxVnni;

// SAFETY in all that follows: see the trait.
impl Dot for AvxVnni {
    type S = Avx2;
    type Sum = __m256i;
    type Weights = __m256i;
    type Input = __m256i;

    #[inline(always)]
    unsafe fn init(from: *const u32) -> __m256i {
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_weights(from: *const u32) -> __m256i {
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_input(from: *const u8, step: usize) -> __m256i {
        unsafe { Self::load_step(from, step) }
    }

    #[inline(always)]
    unsafe fn load_step(from: *const u8, _step: usize) -> __m256i {
        unsafe { _mm256_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn dot<const STEP: i32>(sum: __m256i, x: __m256i, w: __m256i) -> __m256i {
        unsafe { _mm256_dpbusd_avx_epi32(sum, x, w) }
    }

    #[inline(always)]
    unsafe fn store(sum: __m256i, scale: *const f32, bias: *const f32, to: *mut f32, _pitch: usize) {
        unsafe { store(sum, scale, bias, to) }
    }
}

/// Products of 16 bits, two of which are added: the even bytes of words, then the odd ones.
#[derive(Clone, Copy)]
pub struct Avx2Int8;

impl Dot for Avx2Int8 {
    type S = Avx2;
    type Sum = __m256i;
    type Weights = [__m256i; 2];
    type Input = [__m256i; 2];

    #[inline(always)]
    unsafe fn init(from: *const u32) -> __m256i {
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_weights(from: *const u32) -> [__m256i; 2] {
        unsafe {
            let words = _mm256_loadu_si256(from.cast());
            [_mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(words)), _mm256_srai_epi16::<8>(words)]
        }
    }

    #[inline(always)]
    unsafe fn load_input(from: *const u8, step: usize) -> [__m256i; 2] {
        unsafe { Self::load_step(from, step) }
    }

    #[inline(always)]
    unsafe fn load_step(from: *const u8, _step: usize) -> [__m256i; 2] {
        unsafe {
            let word = _mm256_set1_epi32(from.cast::<i32>().read_unaligned());
            [_mm256_and_si256(word, _mm256_set1_epi16(0xff)), _mm256_srli_epi16::<8>(word)]
        }
    }

    #[inline(always)]
    unsafe fn dot<const STEP: i32>(sum: __m256i, x: [__m256i; 2], w: [__m256i; 2]) -> __m256i {
        unsafe {
            let sum = _mm256_add_epi32(sum, _mm256_madd_epi16(x[0], w[0]));
            _mm256_add_epi32(sum, _mm256_madd_epi16(x[1], w[1]))
        }
    }

    #[inline(always)]
    unsafe fn store(sum: __m256i, scale: *const f32, bias: *const f32, to: *mut f32, _pitch: usize) {
        unsafe { store(sum, scale, bias, to) }
    }
}

/// bf16 made f32 by shifting, and multiplied as such.
#[derive(Clone, Copy)]
pub struct Avx2Bf16;

/// Pairs as their first and their second numbers.
#[inline(always)]
unsafe fn widen(words: __m256i) -> [__m256; 2] {
    // SAFETY: see `Dot`.
    unsafe {
        let high = _mm256_and_si256(words, _mm256_set1_epi32(0xffff_0000_u32 as i32));
        [_mm256_castsi256_ps(_mm256_slli_epi32::<16>(words)), _mm256_castsi256_ps(high)]
    }
}

impl Dot for Avx2Bf16 {
    type S = Avx2;
    type Sum = __m256;
    type Weights = [__m256; 2];
    type Input = [__m256; 2];

    #[inline(always)]
    unsafe fn init(from: *const u32) -> __m256 {
        unsafe { _mm256_loadu_ps(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_weights(from: *const u32) -> [__m256; 2] {
        unsafe { widen(_mm256_loadu_si256(from.cast())) }
    }

    #[inline(always)]
    unsafe fn load_input(from: *const u8, step: usize) -> [__m256; 2] {
        unsafe { Self::load_step(from, step) }
    }

    #[inline(always)]
    unsafe fn load_step(from: *const u8, _step: usize) -> [__m256; 2] {
        unsafe { widen(_mm256_set1_epi32(from.cast::<i32>().read_unaligned())) }
    }

    #[inline(always)]
    unsafe fn dot<const STEP: i32>(sum: __m256, x: [__m256; 2], w: [__m256; 2]) -> __m256 {
        unsafe { _mm256_fmadd_ps(x[1], w[1], _mm256_fmadd_ps(x[0], w[0], sum)) }
    }

    #[inline(always)]
    unsafe fn store(sum: __m256, _scale: *const f32, _bias: *const f32, to: *mut f32, _pitch: usize) {
        unsafe { _mm256_storeu_ps(to, sum) }
    }
}

impl LowPrecisionDot for Avx2Bf16 {
    const BYTES: usize = 2;
    const SKIPS_ZEROS: bool = true;

    #[inline(always)]
    unsafe fn convert(from: *const f32, count: usize, params: &QuantParams, to: *mut u8) {
        unsafe { portable::Bf16Dot::<Avx2, 8>::convert(from, count, params, to) }
    }
}
