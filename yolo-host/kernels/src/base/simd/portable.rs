//! Any processor: arrays, which the compiler puts into the registers that there are; and dot products in bf16, fp16 and int8 for every
//! set that has no instructions for them.
#![allow(unsafe_code)] // loads and stores through pointers

use super::Simd;
use super::dot::{Dot, LowPrecisionDot, QuantParams, round_to_bf16};
use half::f16;
use std::marker::PhantomData;

/// Vectors of 8 floats as arrays.
#[derive(Clone, Copy)]
pub struct Portable;

impl Simd for Portable {
    const LANES: usize = 8;
    const INFER_TILES: &[&[usize]] = &[&[6, 5, 4, 2, 1]];
    const TRAIN_TILES: &[usize] = &[12];
    type Wide = Portable;
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
    unsafe fn load_partial(from: *const f32, count: usize) -> [f32; 8] {
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
    unsafe fn store_partial(to: *mut f32, v: [f32; 8], count: usize) {
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
    unsafe fn fraction(v: [f32; 8]) -> [f32; 8] {
        v.map(|v| v - v.floor())
    }

    #[inline(always)]
    unsafe fn scalef(v: [f32; 8], n: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| v[i] * f32::from_bits(((n[i].max(-127.0).floor() as i32 + 127) as u32) << 23))
    }

    #[inline(always)]
    unsafe fn div(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] / b[i])
    }
}

/// Floats of 16 bits.
pub trait Half: Copy {
    /// The number of some bits.
    fn widen(bits: u16) -> f32;
    /// The bits of the nearest number, halves to even.
    fn round(value: f32) -> u16;
}

/// Floats with the exponent of f32.
#[derive(Clone, Copy)]
pub struct Bf16;

impl Half for Bf16 {
    #[inline(always)]
    fn widen(bits: u16) -> f32 {
        f32::from_bits(u32::from(bits) << 16)
    }

    #[inline(always)]
    fn round(value: f32) -> u16 {
        round_to_bf16(value)
    }
}

/// Floats of IEEE's 16 bits.
#[derive(Clone, Copy)]
pub struct Fp16;

impl Half for Fp16 {
    #[inline(always)]
    fn widen(bits: u16) -> f32 {
        f16::from_bits(bits).to_f32_const()
    }

    #[inline(always)]
    fn round(value: f32) -> u16 {
        f16::from_f32_const(value).to_bits()
    }
}

/// Pairs of bf16.
pub type Bf16Dot<S, const LANES: usize> = HalvesDot<Bf16, S, LANES>;
/// Pairs of fp16.
pub type Fp16Dot<S, const LANES: usize> = HalvesDot<Fp16, S, LANES>;

/// Pairs of 16 bits, whose products are exact in f32, added one after the other.
#[derive(Clone, Copy)]
pub struct HalvesDot<H, S, const LANES: usize>(PhantomData<(H, S)>);

impl<H: Half, S: Simd, const LANES: usize> Dot for HalvesDot<H, S, LANES> {
    type S = S;
    type Sum = [f32; LANES];
    type Weights = [u32; LANES];
    type Input = [u32; LANES];

    #[inline(always)]
    unsafe fn init(from: *const u32) -> [f32; LANES] {
        const { assert!(LANES == S::LANES) };
        // SAFETY: see the trait, as in all that follows.
        unsafe { from.cast::<[f32; LANES]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_weights(from: *const u32) -> [u32; LANES] {
        // SAFETY: see the trait.
        unsafe { from.cast::<[u32; LANES]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_input(from: *const u8, step: usize) -> [u32; LANES] {
        // SAFETY: see the trait.
        unsafe { Self::load_step(from, step) }
    }

    #[inline(always)]
    unsafe fn load_step(from: *const u8, _step: usize) -> [u32; LANES] {
        // SAFETY: see the trait.
        [unsafe { from.cast::<u32>().read_unaligned() }; LANES]
    }

    #[inline(always)]
    unsafe fn dot<const STEP: i32>(mut sum: [f32; LANES], x: [u32; LANES], w: [u32; LANES]) -> [f32; LANES] {
        for i in 0..LANES {
            sum[i] += H::widen(x[i] as u16) * H::widen(w[i] as u16);
            sum[i] += H::widen((x[i] >> 16) as u16) * H::widen((w[i] >> 16) as u16);
        }
        sum
    }

    #[inline(always)]
    unsafe fn store(sum: [f32; LANES], _scale: *const f32, _bias: *const f32, to: *mut f32, _pitch: usize) {
        // SAFETY: see the trait.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(sum) }
    }
}

impl<H: Half, S: Simd, const LANES: usize> LowPrecisionDot for HalvesDot<H, S, LANES> {
    const BYTES: usize = 2;
    const SKIPS_ZEROS: bool = true;

    #[inline(always)]
    unsafe fn convert(from: *const f32, count: usize, _params: &QuantParams, to: *mut u8) {
        for i in 0..count {
            // SAFETY: see the trait.
            unsafe { to.cast::<u16>().add(i).write_unaligned(H::round(*from.add(i))) };
        }
    }
}

/// Fours of int8 in sums of 32 bits.
#[derive(Clone, Copy)]
pub struct Int8Dot<S, const LANES: usize>(PhantomData<S>);

impl<S: Simd, const LANES: usize> Dot for Int8Dot<S, LANES> {
    type S = S;
    type Sum = [i32; LANES];
    type Weights = [u32; LANES];
    type Input = [u32; LANES];

    #[inline(always)]
    unsafe fn init(from: *const u32) -> [i32; LANES] {
        const { assert!(LANES == S::LANES) };
        // SAFETY: see the trait, as in all that follows.
        unsafe { from.cast::<[i32; LANES]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_weights(from: *const u32) -> [u32; LANES] {
        // SAFETY: see the trait.
        unsafe { from.cast::<[u32; LANES]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_input(from: *const u8, step: usize) -> [u32; LANES] {
        // SAFETY: see the trait.
        unsafe { Self::load_step(from, step) }
    }

    #[inline(always)]
    unsafe fn load_step(from: *const u8, _step: usize) -> [u32; LANES] {
        // SAFETY: see the trait.
        [unsafe { from.cast::<u32>().read_unaligned() }; LANES]
    }

    #[inline(always)]
    unsafe fn dot<const STEP: i32>(mut sum: [i32; LANES], x: [u32; LANES], w: [u32; LANES]) -> [i32; LANES] {
        for i in 0..LANES {
            for shift in [0, 8, 16, 24] {
                let product = (x[i] >> shift & 255) as i32 * i32::from((w[i] >> shift) as u8 as i8);
                sum[i] = sum[i].wrapping_add(product);
            }
        }
        sum
    }

    #[inline(always)]
    unsafe fn store(sum: [i32; LANES], scale: *const f32, bias: *const f32, to: *mut f32, _pitch: usize) {
        let mut floats = [0.0; LANES];
        for i in 0..LANES {
            floats[i] = sum[i] as f32;
        }
        // SAFETY: see the trait. Not fused, which not every processor can: so all round alike.
        unsafe { S::store(to, S::add(S::mul(S::load(floats.as_ptr()), S::load(scale)), S::load(bias))) }
    }
}

impl<S: Simd, const LANES: usize> LowPrecisionDot for Int8Dot<S, LANES> {
    const BYTES: usize = 1;
    const SKIPS_ZEROS: bool = false;

    #[inline(always)]
    unsafe fn convert(from: *const f32, count: usize, params: &QuantParams, to: *mut u8) {
        for i in 0..count {
            // SAFETY: see the trait.
            unsafe {
                let step = *from.add(i) * params.inverse_scale;
                // In this way what is not a number becomes the first step.
                let step = if step > params.low { step } else { params.low };
                let step = if step < params.high { step } else { params.high };
                *to.add(i) = (step.round_ties_even() as i32 + params.zero_point) as u8;
            }
        }
    }
}
