//! Dot products of int8 on vectors of NEON. Bytes of the input are moved down by 128, since instructions take both factors with a
//! sign; what sums begin with makes up for it.
#![allow(unsafe_code)] // vector instructions, and loads and stores through pointers

use super::arm_instructions::{load_four, sdot, smmla};
use super::dot::{Dot, LowPrecisionDot, QuantParams};
use super::neon::Neon;
use std::arch::aarch64::*;

/// Sums of whole numbers as f32, times a scale plus a bias, rounded twice as everywhere else.
#[inline(always)]
unsafe fn scaled(sum: int32x4_t, scale: *const f32, bias: *const f32) -> float32x4_t {
    // SAFETY: see `Dot::store`.
    unsafe { vaddq_f32(vmulq_f32(vcvtq_f32_s32(sum), vld1q_f32(scale)), vld1q_f32(bias)) }
}

/// Four floats at most as bytes with a sign.
#[inline(always)]
unsafe fn convert(from: *const f32, count: usize, params: &QuantParams, to: *mut u8) {
    // SAFETY: see `LowPrecisionDot::convert`.
    unsafe {
        let x = <Neon as super::Simd>::load_partial(from, count);
        let step = vmulq_n_f32(x, params.inverse_scale);
        // The greater of a number and what is not one is the number.
        let step = vmaxnmq_f32(step, vdupq_n_f32(params.low));
        let step = vminnmq_f32(step, vdupq_n_f32(params.high));
        let whole = vaddq_s32(vcvtnq_s32_f32(step), vdupq_n_s32(params.zero_point - 128));
        let halves = vmovn_s32(whole);
        let bytes = vreinterpret_u32_s8(vmovn_s16(vcombine_s16(halves, halves)));
        if count >= 4 {
            vst1_lane_u32::<0>(to.cast(), bytes);
        } else {
            let bytes = vget_lane_u32::<0>(bytes).to_ne_bytes();
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, count);
        }
    }
}

macro_rules! int8 {
    ($($dot:ident)*) => {
        $(
            impl LowPrecisionDot for $dot {
                const BYTES: usize = 1;
                const SKIPS_ZEROS: bool = false;
                const OFFSET: i32 = 128;

                #[inline(always)]
                unsafe fn convert(from: *const f32, count: usize, params: &QuantParams, to: *mut u8) {
                    // SAFETY: passed on.
                    unsafe { convert(from, count, params, to) }
                }
            }
        )*
    };
}
int8!(NeonInt8 NeonSdot NeonSmmla);

/// Any processor: products of 16 bits, two of which are added before they go into sums of 32 bits: |−128 · 127 · 2| fits. A sum
/// stays in four parts, of the bytes at one place of four each.
#[derive(Clone, Copy)]
pub struct NeonInt8;

// SAFETY in all that follows: see the trait.
impl Dot for NeonInt8 {
    type S = Neon;
    type Sum = [int32x4_t; 4];
    type Weights = [int8x16_t; 4];
    type Input = int8x16_t;
    // 4 × 4 sums, a vector of input for each pixel, four of weights and some of products.
    const TILES: &[&[usize]] = &[&[4, 2, 1]];
    const WORDS: usize = 4;
    const DEPTH: usize = 4;

    #[inline(always)]
    unsafe fn init(from: *const u32) -> [int32x4_t; 4] {
        let mut sums = unsafe { [vdupq_n_s32(0); 4] };
        for (channel, sum) in sums.iter_mut().enumerate() {
            *sum = unsafe { vld1q_lane_s32::<0>(from.cast::<i32>().add(channel), *sum) };
        }
        sums
    }

    #[inline(always)]
    unsafe fn load_weights(from: *const u32) -> [int8x16_t; 4] {
        let from = from.cast::<i8>();
        unsafe { [vld1q_s8(from), vld1q_s8(from.add(16)), vld1q_s8(from.add(32)), vld1q_s8(from.add(48))] }
    }

    #[inline(always)]
    unsafe fn load_input(from: *const u8, _step: usize) -> int8x16_t {
        unsafe { vld1q_s8(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_step(from: *const u8, step: usize) -> int8x16_t {
        unsafe { Self::load_input(from, step) }
    }

    #[inline(always)]
    unsafe fn dot<const STEP: i32>(
        mut sum: [int32x4_t; 4],
        x: int8x16_t,
        w: [int8x16_t; 4],
    ) -> [int32x4_t; 4] {
        for (sum, w) in sum.iter_mut().zip(w) {
            unsafe {
                let low = vmull_s8(vget_low_s8(x), vget_low_s8(w));
                *sum = vpadalq_s16(*sum, vmlal_high_s8(low, x, w));
            }
        }
        sum
    }

    #[inline(always)]
    unsafe fn store(
        [a, b, c, d]: [int32x4_t; 4],
        scale: *const f32,
        bias: *const f32,
        to: *mut f32,
        _pitch: usize,
    ) {
        unsafe { vst1q_f32(to, scaled(vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d)), scale, bias)) }
    }
}

/// The extension dotprod: `sdot` multiplies fours of bytes by one of the input's four words.
#[derive(Clone, Copy)]
pub struct NeonSdot;

impl Dot for NeonSdot {
    type S = Neon;
    type Sum = int32x4_t;
    type Weights = int8x16_t;
    type Input = int8x16_t;
    const WORDS: usize = 4;
    const FOUR_AT_ONCE: bool = true;

    #[inline(always)]
    unsafe fn init(from: *const u32) -> int32x4_t {
        unsafe { vld1q_s32(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_weights(from: *const u32) -> int8x16_t {
        unsafe { vld1q_s8(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_four(from: &mut *const u32) -> [int8x16_t; 4] {
        let mut floats = from.cast();
        let [a, b, c, d] = unsafe { load_four(&mut floats) };
        *from = floats.cast();
        unsafe {
            [
                vreinterpretq_s8_f32(a),
                vreinterpretq_s8_f32(b),
                vreinterpretq_s8_f32(c),
                vreinterpretq_s8_f32(d),
            ]
        }
    }

    #[inline(always)]
    unsafe fn load_input(from: *const u8, _step: usize) -> int8x16_t {
        unsafe { vld1q_s8(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_step(from: *const u8, _step: usize) -> int8x16_t {
        unsafe { vreinterpretq_s8_u32(vdupq_n_u32(from.cast::<u32>().read_unaligned())) }
    }

    #[inline(always)]
    unsafe fn dot<const STEP: i32>(sum: int32x4_t, x: int8x16_t, w: int8x16_t) -> int32x4_t {
        unsafe { sdot::<STEP>(sum, w, x) }
    }

    #[inline(always)]
    unsafe fn store(sum: int32x4_t, scale: *const f32, bias: *const f32, to: *mut f32, _pitch: usize) {
        unsafe { vst1q_f32(to, scaled(sum, scale, bias)) }
    }
}

/// The extension i8mm: `smmla` multiplies 2 pixels by 2 channels, eight bytes of each.
#[derive(Clone, Copy)]
pub struct NeonSmmla;

impl Dot for NeonSmmla {
    type S = Neon;
    /// Channels 0 and 1 of both pixels, then 2 and 3.
    type Sum = [int32x4_t; 2];
    type Weights = [int8x16_t; 2];
    /// The first eight bytes of both pixels, then the others.
    type Input = [int8x16_t; 2];
    // Sums, two vectors of input for each pair of pixels, and two of weights or more: 3 × 6 + 6 + 4.
    const TILES: &[&[usize]] = &[&[8, 4, 2], &[8, 4, 2], &[6, 4, 2]];
    const PIXELS: usize = 2;
    const WORDS: usize = 4;
    const DEPTH: usize = 2;

    #[inline(always)]
    unsafe fn init(from: *const u32) -> [int32x4_t; 2] {
        unsafe {
            let v = vreinterpretq_s64_s32(vld1q_s32(from.cast()));
            [vreinterpretq_s32_s64(vdupq_laneq_s64::<0>(v)), vreinterpretq_s32_s64(vdupq_laneq_s64::<1>(v))]
        }
    }

    #[inline(always)]
    unsafe fn load_weights(from: *const u32) -> [int8x16_t; 2] {
        unsafe { [vld1q_s8(from.cast()), vld1q_s8(from.cast::<i8>().add(16))] }
    }

    #[inline(always)]
    unsafe fn load_input(from: *const u8, step: usize) -> [int8x16_t; 2] {
        unsafe {
            let a = vreinterpretq_s64_s8(vld1q_s8(from.cast()));
            let b = vreinterpretq_s64_s8(vld1q_s8(from.wrapping_add(step).cast()));
            [vreinterpretq_s8_s64(vzip1q_s64(a, b)), vreinterpretq_s8_s64(vzip2q_s64(a, b))]
        }
    }

    #[inline(always)]
    unsafe fn load_step(from: *const u8, step: usize) -> [int8x16_t; 2] {
        unsafe { [vcombine_s8(vld1_s8(from.cast()), vld1_s8(from.wrapping_add(step).cast())); 2] }
    }

    #[inline(always)]
    unsafe fn dot<const STEP: i32>(
        [a, b]: [int32x4_t; 2],
        x: [int8x16_t; 2],
        w: [int8x16_t; 2],
    ) -> [int32x4_t; 2] {
        let x = x[STEP as usize & 1];
        unsafe { [smmla(a, x, w[0]), smmla(b, x, w[1])] }
    }

    #[inline(always)]
    unsafe fn store([a, b]: [int32x4_t; 2], scale: *const f32, bias: *const f32, to: *mut f32, pitch: usize) {
        unsafe {
            let (a, b) = (vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b));
            let pixels = [vzip1q_s64(a, b), vzip2q_s64(a, b)].map(|v| vreinterpretq_s32_s64(v));
            vst1q_f32(to, scaled(pixels[0], scale, bias));
            vst1q_f32(to.add(pitch), scaled(pixels[1], scale, bias));
        }
    }
}
