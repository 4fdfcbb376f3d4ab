//! AVX2 and FMA.
#![allow(unsafe_code)] // vector instructions, and loads and stores through pointers

use super::Simd;
use std::arch::x86_64::*;

/// Vectors of 8 floats.
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
    // Sixteen registers: 6 × 2 sums, two vectors of weights and one of the input. Panels are as narrow as one vector only where
    // the channels end, and their tiles no taller.
    const INFER_TILES: &[&[usize]] = &[&[6, 5, 4, 2, 1], &[6, 5, 4, 2, 1]];
    const TRAIN_TILES: &[usize] = &[12, 6];
    type Wide = Avx2;
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
    unsafe fn load_partial(from: *const f32, count: usize) -> __m256 {
        unsafe { _mm256_maskload_ps(from, first(count)) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, v: __m256) {
        unsafe { _mm256_storeu_ps(to, v) }
    }

    #[inline(always)]
    unsafe fn store_partial(to: *mut f32, v: __m256, count: usize) {
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
    unsafe fn fraction(v: __m256) -> __m256 {
        unsafe { _mm256_sub_ps(v, _mm256_floor_ps(v)) }
    }

    #[inline(always)]
    unsafe fn scalef(v: __m256, n: __m256) -> __m256 {
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
