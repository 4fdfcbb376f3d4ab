//! Arithmetic in fp16 on vectors of NEON: eight numbers of 16 bits, twice as many as in f32. Sums are of 16 bits, too.
#![allow(unsafe_code)] // vector instructions, and loads and stores through pointers

use super::Simd;
use super::arm_instructions::{fcvtl, fcvtl2, fcvtn, fmla_half};
use super::dot::{Dot, LowPrecisionDot, QuantParams};
use super::neon::Neon;
use std::arch::aarch64::*;

/// Two vectors of f32, which eight sums of fp16 become.
#[derive(Clone, Copy)]
pub struct NeonPair;

type Pair = [float32x4_t; 2];

/// Applies a function of [`Neon`] to both halves.
macro_rules! both {
    ($function:ident($($v:ident),*)) => {
        // SAFETY: passed on.
        unsafe { [Neon::$function($($v[0]),*), Neon::$function($($v[1]),*)] }
    };
}

// SAFETY in all that follows: see the trait.
impl Simd for NeonPair {
    const LANES: usize = 8;
    const INFER_TILES: &[&[usize]] = &[&[10, 6, 4, 2, 1], &[6, 5, 4, 2, 1], &[6, 5, 4, 2, 1], &[5, 4, 2, 1]];
    const TRAIN_TILES: &[usize] = &[12];
    type Wide = NeonPair;
    type V = Pair;

    #[inline(always)]
    unsafe fn zero() -> Pair {
        [unsafe { Neon::zero() }; 2]
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Pair {
        [unsafe { Neon::splat(value) }; 2]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Pair {
        unsafe { [Neon::load(from), Neon::load(from.add(4))] }
    }

    #[inline(always)]
    unsafe fn load_partial(from: *const f32, count: usize) -> Pair {
        let above = count.saturating_sub(4);
        unsafe { [Neon::load_partial(from, count), Neon::load_partial(from.wrapping_add(4), above)] }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, v: Pair) {
        unsafe {
            Neon::store(to, v[0]);
            Neon::store(to.add(4), v[1]);
        }
    }

    #[inline(always)]
    unsafe fn store_partial(to: *mut f32, v: Pair, count: usize) {
        unsafe {
            Neon::store_partial(to, v[0], count);
            Neon::store_partial(to.wrapping_add(4), v[1], count.saturating_sub(4));
        }
    }

    #[inline(always)]
    unsafe fn mul_add(a: Pair, b: Pair, c: Pair) -> Pair {
        both!(mul_add(a, b, c))
    }

    #[inline(always)]
    unsafe fn add(a: Pair, b: Pair) -> Pair {
        both!(add(a, b))
    }

    #[inline(always)]
    unsafe fn mul(a: Pair, b: Pair) -> Pair {
        both!(mul(a, b))
    }

    #[inline(always)]
    unsafe fn min(a: Pair, b: Pair) -> Pair {
        both!(min(a, b))
    }

    #[inline(always)]
    unsafe fn max(a: Pair, b: Pair) -> Pair {
        both!(max(a, b))
    }

    #[inline(always)]
    unsafe fn fraction(v: Pair) -> Pair {
        both!(fraction(v))
    }

    #[inline(always)]
    unsafe fn scalef(v: Pair, n: Pair) -> Pair {
        both!(scalef(v, n))
    }

    #[inline(always)]
    unsafe fn div(a: Pair, b: Pair) -> Pair {
        both!(div(a, b))
    }
}

/// The extension fp16: `fmla` on eight halves. A word of the input has two of them.
#[derive(Clone, Copy)]
pub struct NeonFp16;

impl Dot for NeonFp16 {
    type S = NeonPair;
    type Sum = uint16x8_t;
    /// The first numbers of eight channels' words, then the second ones.
    type Weights = [uint16x8_t; 2];
    type Input = uint16x8_t;
    const WORDS: usize = 4;

    /// Zeros: the bias is added in f32.
    #[inline(always)]
    unsafe fn init(_from: *const u32) -> uint16x8_t {
        unsafe { vdupq_n_u16(0) }
    }

    #[inline(always)]
    unsafe fn load_weights(from: *const u32) -> [uint16x8_t; 2] {
        unsafe { [vld1q_u16(from.cast()), vld1q_u16(from.cast::<u16>().add(8))] }
    }

    #[inline(always)]
    unsafe fn load_input(from: *const u8, _step: usize) -> uint16x8_t {
        unsafe { vld1q_u16(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_step(from: *const u8, _step: usize) -> uint16x8_t {
        unsafe { vreinterpretq_u16_u32(vdupq_n_u32(from.cast::<u32>().read_unaligned())) }
    }

    #[inline(always)]
    unsafe fn dot<const STEP: i32>(sum: uint16x8_t, x: uint16x8_t, w: [uint16x8_t; 2]) -> uint16x8_t {
        unsafe {
            match STEP {
                0 => fmla_half::<1>(fmla_half::<0>(sum, w[0], x), w[1], x),
                1 => fmla_half::<3>(fmla_half::<2>(sum, w[0], x), w[1], x),
                2 => fmla_half::<5>(fmla_half::<4>(sum, w[0], x), w[1], x),
                _ => fmla_half::<7>(fmla_half::<6>(sum, w[0], x), w[1], x),
            }
        }
    }

    #[inline(always)]
    unsafe fn store(sum: uint16x8_t, _scale: *const f32, bias: *const f32, to: *mut f32, _pitch: usize) {
        unsafe {
            vst1q_f32(to, vaddq_f32(fcvtl(sum), vld1q_f32(bias)));
            vst1q_f32(to.add(4), vaddq_f32(fcvtl2(sum), vld1q_f32(bias.add(4))));
        }
    }
}

impl LowPrecisionDot for NeonFp16 {
    const BYTES: usize = 2;
    const SKIPS_ZEROS: bool = true;
    const PARTS_APART: bool = true;

    #[inline(always)]
    unsafe fn convert(from: *const f32, count: usize, _params: &QuantParams, to: *mut u8) {
        unsafe {
            let [low, high] = NeonPair::load_partial(from, count);
            let halves = vcombine_u16(fcvtn(low), fcvtn(high));
            if count >= 8 {
                vst1q_u16(to.cast(), halves);
            } else {
                std::ptr::copy_nonoverlapping((&raw const halves).cast::<u8>(), to, 2 * count);
            }
        }
    }
}
