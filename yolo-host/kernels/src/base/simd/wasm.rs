//! WebAssembly's vectors of 128 bits.
#![allow(unsafe_code)] // loads and stores through pointers

use super::Simd;
use std::arch::wasm32::*;

/// Vectors of 4 floats.
#[derive(Clone, Copy)]
pub struct Wasm;

// SAFETY in all that follows: see the trait.
impl Simd for Wasm {
    const LANES: usize = 4;
    // Browsers have sixteen registers on x86 and keep one for themselves; products need one more, since a multiply-add that
    // rounds once is not among WebAssembly's fixed instructions.
    const INFER_TILES: &[&[usize]] = &[&[6, 5, 4, 2, 1], &[5, 4, 2, 1]];
    const TRAIN_TILES: &[usize] = &[12];
    type Wide = Wasm;
    type V = v128;

    #[inline(always)]
    unsafe fn zero() -> v128 {
        f32x4_splat(0.0)
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> v128 {
        f32x4_splat(value)
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> v128 {
        unsafe { v128_load(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_partial(from: *const f32, count: usize) -> v128 {
        let mut v = [0.0f32; 4];
        unsafe {
            std::ptr::copy_nonoverlapping(from, v.as_mut_ptr(), count.min(4));
            v128_load(v.as_ptr().cast())
        }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, v: v128) {
        unsafe { v128_store(to.cast(), v) }
    }

    #[inline(always)]
    unsafe fn store_partial(to: *mut f32, v: v128, count: usize) {
        let mut floats = [0.0f32; 4];
        unsafe {
            v128_store(floats.as_mut_ptr().cast(), v);
            std::ptr::copy_nonoverlapping(floats.as_ptr(), to, count.min(4));
        }
    }

    #[inline(always)]
    unsafe fn mul_add(a: v128, b: v128, c: v128) -> v128 {
        f32x4_add(c, f32x4_mul(a, b))
    }

    #[inline(always)]
    unsafe fn add(a: v128, b: v128) -> v128 {
        f32x4_add(a, b)
    }

    #[inline(always)]
    unsafe fn mul(a: v128, b: v128) -> v128 {
        f32x4_mul(a, b)
    }

    #[inline(always)]
    unsafe fn min(a: v128, b: v128) -> v128 {
        // b < a ? b : a with the arguments turned: what is not a number gives `b`.
        f32x4_pmin(b, a)
    }

    #[inline(always)]
    unsafe fn max(a: v128, b: v128) -> v128 {
        f32x4_pmax(b, a)
    }

    #[inline(always)]
    unsafe fn fraction(v: v128) -> v128 {
        f32x4_sub(v, f32x4_floor(v))
    }

    #[inline(always)]
    unsafe fn scalef(v: v128, n: v128) -> v128 {
        let n = i32x4_trunc_sat_f32x4(f32x4_floor(f32x4_pmax(f32x4_splat(-127.0), n)));
        f32x4_mul(v, i32x4_shl(i32x4_add(n, i32x4_splat(127)), 23))
    }

    #[inline(always)]
    unsafe fn div(a: v128, b: v128) -> v128 {
        f32x4_div(a, b)
    }
}
