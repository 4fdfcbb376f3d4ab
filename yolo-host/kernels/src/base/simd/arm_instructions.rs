//! Instructions of ARM whose functions in `std::arch` are not stable (`vdotq_laneq_s32`, `vmmlaq_s32`: E0658; those of bf16 do not
//! exist). Each is one instruction on registers, which the compiler chooses, moves and drops as it does with its own.
#![allow(unsafe_code)] // inline assembly

use std::arch::aarch64::*;
use std::arch::asm;

/// `ld1` of four registers, which moves the pointer behind them; the compiler would make five instructions of it. It asks for
/// neighbouring registers, here the last ones.
///
/// # Safety
/// Sixteen floats can be read.
#[inline(always)]
pub unsafe fn load_four(from: &mut *const f32) -> [float32x4_t; 4] {
    let (a, b, c, d);
    // SAFETY: promised by the caller.
    unsafe {
        asm!(
            "ld1 {{v28.4s, v29.4s, v30.4s, v31.4s}}, [{0}], #64",
            inout(reg) *from, out("v28") a, out("v29") b, out("v30") c, out("v31") d,
            options(pure, readonly, nostack, preserves_flags)
        );
    }
    [a, b, c, d]
}

/// `sdot`, by element: to each of four sums the products of four bytes of `w` and the four bytes of one word of `x`.
///
/// # Safety
/// The processor has dotprod.
#[inline(always)]
pub unsafe fn sdot<const WORD: i32>(mut sum: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
    // SAFETY: promised by the caller.
    unsafe {
        asm!(
            "sdot {0:v}.4s, {1:v}.16b, {2:v}.4b[{3}]",
            inlateout(vreg) sum, in(vreg) w, in(vreg) x, const WORD,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}

/// `smmla`: the product of `a` [2, 8] and the transpose of `b` [2, 8], added to `sum` [2, 2].
///
/// # Safety
/// The processor has i8mm.
#[inline(always)]
pub unsafe fn smmla(mut sum: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: promised by the caller.
    unsafe {
        asm!(
            "smmla {0:v}.4s, {1:v}.16b, {2:v}.16b",
            inlateout(vreg) sum, in(vreg) a, in(vreg) b,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}

/// `bfmmla`: the product of `a` [2, 4] and the transpose of `b` [2, 4], added to `sum` [2, 2].
///
/// # Safety
/// The processor has bf16.
#[inline(always)]
pub unsafe fn bfmmla(mut sum: float32x4_t, a: uint16x8_t, b: uint16x8_t) -> float32x4_t {
    // SAFETY: promised by the caller.
    unsafe {
        asm!(
            "bfmmla {0:v}.4s, {1:v}.8h, {2:v}.8h",
            inlateout(vreg) sum, in(vreg) a, in(vreg) b,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}

/// `bfcvtn`: four floats rounded to bf16.
///
/// # Safety
/// The processor has bf16.
#[inline(always)]
pub unsafe fn bfcvtn(v: float32x4_t) -> uint16x4_t {
    let halves: uint16x4_t;
    // SAFETY: promised by the caller.
    unsafe {
        asm!(
            "bfcvtn {0:v}.4h, {1:v}.4s",
            lateout(vreg) halves, in(vreg) v,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    halves
}

/// `fmla`, by element: to each of eight sums of fp16 the product of a number of `w` and one number of `x`.
///
/// # Safety
/// The processor has fp16.
#[inline(always)]
pub unsafe fn fmla_half<const LANE: i32>(mut sum: uint16x8_t, w: uint16x8_t, x: uint16x8_t) -> uint16x8_t {
    // SAFETY: promised by the caller. Only the first sixteen registers can be taken by element.
    unsafe {
        asm!(
            "fmla {0:v}.8h, {1:v}.8h, {2:v}.h[{3}]",
            inlateout(vreg) sum, in(vreg) w, in(vreg_low16) x, const LANE,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}

/// Conversions between fp16 and f32, of the first and of the last four numbers, which every processor has.
macro_rules! conversions {
    ($($name:ident($from:ty) -> $to:ty = $text:literal;)*) => {
        $(
            #[doc = concat!("`", $text, "`")]
            ///
            /// # Safety
            /// The processor has NEON.
            #[inline(always)]
            pub unsafe fn $name(v: $from) -> $to {
                let to: $to;
                // SAFETY: promised by the caller.
                unsafe { asm!($text, lateout(vreg) to, in(vreg) v, options(pure, nomem, nostack, preserves_flags)) };
                to
            }
        )*
    };
}
conversions! {
    fcvtn(float32x4_t) -> uint16x4_t = "fcvtn {0:v}.4h, {1:v}.4s";
    fcvtl(uint16x8_t) -> float32x4_t = "fcvtl {0:v}.4s, {1:v}.4h";
    fcvtl2(uint16x8_t) -> float32x4_t = "fcvtl2 {0:v}.4s, {1:v}.8h";
}
