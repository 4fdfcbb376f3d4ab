//! Dot products of bf16 on vectors of NEON.
#![allow(unsafe_code)] // vector instructions, and loads and stores through pointers

use super::arm_instructions::{bfcvtn, bfmmla};
use super::dot::{Dot, LowPrecisionDot, QuantParams};
use super::neon::Neon;
use super::{Simd, portable};
use std::arch::aarch64::*;

/// Any processor: halves are made f32 by shifting, and multiplied as such.
#[derive(Clone, Copy)]
pub struct NeonBf16;

/// Four pairs as their first and their second numbers.
#[inline(always)]
unsafe fn widen(words: *const u32) -> [float32x4_t; 2] {
    // SAFETY: see `Dot`.
    unsafe {
        let words = vld1q_u32(words);
        let high = vandq_u32(words, vdupq_n_u32(0xffff_0000));
        [vreinterpretq_f32_u32(vshlq_n_u32::<16>(words)), vreinterpretq_f32_u32(high)]
    }
}

// SAFETY in all that follows: see the trait.
impl Dot for NeonBf16 {
    type S = Neon;
    type Sum = float32x4_t;
    type Weights = [float32x4_t; 2];
    type Input = [float32x4_t; 2];
    // 6 × 2 sums, two vectors of input for each pixel and two of weights.
    const TILES: &[&[usize]] = &[&[6, 5, 4, 2, 1], &[6, 5, 4, 2, 1]];
    const WORDS: usize = 4;

    #[inline(always)]
    unsafe fn init(from: *const u32) -> float32x4_t {
        unsafe { vld1q_f32(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_weights(from: *const u32) -> [float32x4_t; 2] {
        unsafe { widen(from) }
    }

    #[inline(always)]
    unsafe fn load_input(from: *const u8, _step: usize) -> [float32x4_t; 2] {
        unsafe { widen(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_step(from: *const u8, _step: usize) -> [float32x4_t; 2] {
        unsafe { widen([from.cast::<u32>().read_unaligned(); 4].as_ptr()) }
    }

    #[inline(always)]
    unsafe fn dot<const STEP: i32>(
        sum: float32x4_t,
        x: [float32x4_t; 2],
        w: [float32x4_t; 2],
    ) -> float32x4_t {
        unsafe { vfmaq_laneq_f32::<STEP>(vfmaq_laneq_f32::<STEP>(sum, w[0], x[0]), w[1], x[1]) }
    }

    #[inline(always)]
    unsafe fn store(sum: float32x4_t, _scale: *const f32, _bias: *const f32, to: *mut f32, _pitch: usize) {
        unsafe { vst1q_f32(to, sum) }
    }
}

impl LowPrecisionDot for NeonBf16 {
    const BYTES: usize = 2;
    const SKIPS_ZEROS: bool = true;

    #[inline(always)]
    unsafe fn convert(from: *const f32, count: usize, params: &QuantParams, to: *mut u8) {
        unsafe { portable::Bf16Dot::<Neon, 4>::convert(from, count, params, to) }
    }
}

/// The extension bf16: `bfmmla` multiplies 2 pixels by 2 channels, four numbers of each. It takes numbers below 2⁻¹²⁶ for zero.
#[derive(Clone, Copy)]
pub struct NeonBfmmla;

impl Dot for NeonBfmmla {
    type S = Neon;
    /// Channels 0 and 1 of both pixels, then 2 and 3.
    type Sum = [float32x4_t; 2];
    type Weights = [uint16x8_t; 2];
    /// The first four numbers of both pixels, then the others.
    type Input = [uint16x8_t; 2];
    // Sums, two vectors of input for each pair of pixels, and two of weights or more: 3 × 6 + 6 + 4.
    const TILES: &[&[usize]] = &[&[8, 4, 2], &[8, 4, 2], &[6, 4, 2]];
    const PIXELS: usize = 2;
    const WORDS: usize = 4;
    const DEPTH: usize = 2;

    #[inline(always)]
    unsafe fn init(from: *const u32) -> [float32x4_t; 2] {
        unsafe {
            let v = vreinterpretq_f64_f32(vld1q_f32(from.cast()));
            [vreinterpretq_f32_f64(vdupq_laneq_f64::<0>(v)), vreinterpretq_f32_f64(vdupq_laneq_f64::<1>(v))]
        }
    }

    #[inline(always)]
    unsafe fn load_weights(from: *const u32) -> [uint16x8_t; 2] {
        unsafe { [vld1q_u16(from.cast()), vld1q_u16(from.cast::<u16>().add(8))] }
    }

    #[inline(always)]
    unsafe fn load_input(from: *const u8, step: usize) -> [uint16x8_t; 2] {
        unsafe {
            let a = vreinterpretq_u64_u16(vld1q_u16(from.cast()));
            let b = vreinterpretq_u64_u16(vld1q_u16(from.wrapping_add(step).cast()));
            [vreinterpretq_u16_u64(vzip1q_u64(a, b)), vreinterpretq_u16_u64(vzip2q_u64(a, b))]
        }
    }

    #[inline(always)]
    unsafe fn load_step(from: *const u8, step: usize) -> [uint16x8_t; 2] {
        unsafe { [vcombine_u16(vld1_u16(from.cast()), vld1_u16(from.wrapping_add(step).cast())); 2] }
    }

    #[inline(always)]
    unsafe fn dot<const STEP: i32>(
        [a, b]: [float32x4_t; 2],
        x: [uint16x8_t; 2],
        w: [uint16x8_t; 2],
    ) -> [float32x4_t; 2] {
        let x = x[STEP as usize & 1];
        unsafe { [bfmmla(a, x, w[0]), bfmmla(b, x, w[1])] }
    }

    #[inline(always)]
    unsafe fn store(
        [a, b]: [float32x4_t; 2],
        _scale: *const f32,
        _bias: *const f32,
        to: *mut f32,
        pitch: usize,
    ) {
        unsafe {
            let (a, b) = (vreinterpretq_f64_f32(a), vreinterpretq_f64_f32(b));
            vst1q_f32(to, vreinterpretq_f32_f64(vzip1q_f64(a, b)));
            vst1q_f32(to.add(pitch), vreinterpretq_f32_f64(vzip2q_f64(a, b)));
        }
    }
}

impl LowPrecisionDot for NeonBfmmla {
    const BYTES: usize = 2;
    const SKIPS_ZEROS: bool = true;

    #[inline(always)]
    unsafe fn convert(from: *const f32, count: usize, _params: &QuantParams, to: *mut u8) {
        unsafe {
            let halves = bfcvtn(Neon::load_partial(from, count));
            if count >= 4 {
                vst1_u16(to.cast(), halves);
            } else {
                std::ptr::copy_nonoverlapping((&raw const halves).cast::<u8>(), to, 2 * count);
            }
        }
    }
}
