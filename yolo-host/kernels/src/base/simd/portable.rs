//! Any processor: arrays of eight, which the compiler puts into the registers that there are; and dot products in bf16 and int8
//! for every set that has vectors of eight and no instructions of its own for them.
#![allow(unsafe_code)] // loads and stores through pointers

use super::Simd;
use super::dot::{Dot, LowPrecisionDot, QuantParams, round_to_bf16};
use std::marker::PhantomData;

/// Vectors of 8 floats as arrays.
#[derive(Clone, Copy)]
pub struct Portable;

impl Simd for Portable {
    const LANES: usize = 8;
    const INFER_TILES: &[&[usize]] = &[&[6, 5, 4, 2, 1]];
    const TRAIN_TILES: &[usize] = &[12];
    type V = [f32; 8];
    type Bf16 = Bf16Dot<Portable>;
    type Int8 = Int8Dot<Portable>;

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

/// Pairs of bf16, whose products are exact in f32, added one after the other.
#[derive(Clone, Copy)]
pub struct Bf16Dot<S>(PhantomData<S>);

impl<S: Simd> Dot for Bf16Dot<S> {
    type S = S;
    type Sum = [f32; 8];
    type Words = [u32; 8];

    #[inline(always)]
    unsafe fn init(from: *const u32) -> [f32; 8] {
        // SAFETY: see the trait, as in all that follows.
        unsafe { from.cast::<[f32; 8]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_weights(from: *const u32) -> [u32; 8] {
        // SAFETY: see the trait.
        unsafe { from.cast::<[u32; 8]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn broadcast(from: *const u8) -> [u32; 8] {
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
    unsafe fn to_f32(sum: [f32; 8], _scale: *const f32, _bias: *const f32) -> S::V {
        // SAFETY: both have eight numbers.
        unsafe { S::load(sum.as_ptr()) }
    }
}

impl<S: Simd> LowPrecisionDot for Bf16Dot<S> {
    const BYTES: usize = 2;
    const SKIPS_ZEROS: bool = true;

    #[inline(always)]
    unsafe fn convert(from: *const f32, count: usize, _params: &QuantParams, to: *mut u8) {
        for i in 0..count {
            // SAFETY: see the trait.
            unsafe { to.cast::<u16>().add(i).write_unaligned(round_to_bf16(*from.add(i))) };
        }
    }
}

/// Fours of int8 in sums of 32 bits.
#[derive(Clone, Copy)]
pub struct Int8Dot<S>(PhantomData<S>);

impl<S: Simd> Dot for Int8Dot<S> {
    type S = S;
    type Sum = [i32; 8];
    type Words = [u32; 8];

    #[inline(always)]
    unsafe fn init(from: *const u32) -> [i32; 8] {
        // SAFETY: see the trait, as in all that follows.
        unsafe { from.cast::<[i32; 8]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_weights(from: *const u32) -> [u32; 8] {
        // SAFETY: see the trait.
        unsafe { from.cast::<[u32; 8]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn broadcast(from: *const u8) -> [u32; 8] {
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
    unsafe fn to_f32(sum: [i32; 8], scale: *const f32, bias: *const f32) -> S::V {
        let mut floats = [0.0; 8];
        for i in 0..8 {
            floats[i] = sum[i] as f32;
        }
        // SAFETY: see the trait. Not fused, which not every processor can: so all round alike.
        unsafe { S::add(S::mul(S::load(floats.as_ptr()), S::load(scale)), S::load(bias)) }
    }
}

impl<S: Simd> LowPrecisionDot for Int8Dot<S> {
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
