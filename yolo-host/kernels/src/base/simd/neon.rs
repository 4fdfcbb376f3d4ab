//! NEON, which every 64-bit ARM processor has.
#![allow(unsafe_code)] // vector instructions, and loads and stores through pointers

use super::Simd;
use super::arm_instructions::load_four;
use super::neon_fp16::NeonPair;
use std::arch::aarch64::*;

/// Vectors of 4 floats.
#[derive(Clone, Copy)]
pub struct Neon;

// SAFETY in all that follows: see the trait.
impl Simd for Neon {
    const LANES: usize = 4;
    // Thirty-two registers: sums, a vector of input for each pixel, and two or four vectors of weights: 5 × 4 + 5 + 4. With 6 × 4 the
    // compiler keeps some in memory.
    const INFER_TILES: &[&[usize]] =
        &[&[14, 10, 6, 4, 2, 1], &[8, 6, 5, 4, 2, 1], &[6, 5, 4, 2, 1], &[5, 4, 2, 1]];
    const TRAIN_TILES: &[usize] = &[12, 12, 8, 6];
    const INPUT_FLOATS: usize = 4;
    type Wide = NeonPair;
    type V = float32x4_t;

    #[inline(always)]
    unsafe fn zero() -> float32x4_t {
        unsafe { vdupq_n_f32(0.0) }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> float32x4_t {
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> float32x4_t {
        unsafe { vld1q_f32(from) }
    }

    #[inline(always)]
    unsafe fn load_partial(from: *const f32, count: usize) -> float32x4_t {
        unsafe {
            match count {
                0 => vdupq_n_f32(0.0),
                1 => vld1q_lane_f32::<0>(from, vdupq_n_f32(0.0)),
                2 => vcombine_f32(vld1_f32(from), vdup_n_f32(0.0)),
                3 => vld1q_lane_f32::<2>(from.add(2), vcombine_f32(vld1_f32(from), vdup_n_f32(0.0))),
                _ => vld1q_f32(from),
            }
        }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, v: float32x4_t) {
        unsafe { vst1q_f32(to, v) }
    }

    #[inline(always)]
    unsafe fn store_partial(to: *mut f32, v: float32x4_t, count: usize) {
        unsafe {
            match count {
                0 => (),
                1 => vst1q_lane_f32::<0>(to, v),
                2 => vst1_f32(to, vget_low_f32(v)),
                3 => {
                    vst1_f32(to, vget_low_f32(v));
                    vst1q_lane_f32::<2>(to.add(2), v);
                }
                _ => vst1q_f32(to, v),
            }
        }
    }

    #[inline(always)]
    unsafe fn mul_add(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    unsafe fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vmulq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn min(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vminq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn max(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vmaxq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn fraction(v: float32x4_t) -> float32x4_t {
        unsafe { vsubq_f32(v, vrndmq_f32(v)) }
    }

    #[inline(always)]
    unsafe fn scalef(v: float32x4_t, n: float32x4_t) -> float32x4_t {
        unsafe {
            let n = vcvtmq_s32_f32(vmaxq_f32(n, vdupq_n_f32(-127.0)));
            let exponent = vshlq_n_s32::<23>(vaddq_s32(n, vdupq_n_s32(127)));
            vmulq_f32(v, vreinterpretq_f32_s32(exponent))
        }
    }

    #[inline(always)]
    unsafe fn div(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vdivq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn load_four(from: &mut *const f32) -> [float32x4_t; 4] {
        unsafe { load_four(from) }
    }

    #[inline(always)]
    unsafe fn load_input(from: *const f32) -> float32x4_t {
        unsafe { vld1q_f32(from) }
    }

    #[inline(always)]
    unsafe fn mul_add_lane<const LANE: i32>(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        unsafe { vfmaq_laneq_f32::<LANE>(c, a, b) }
    }
}
