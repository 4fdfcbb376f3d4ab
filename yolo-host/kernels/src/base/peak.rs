//! The most that a core multiplies and adds: sums that stay in registers and wait for nothing.
#![allow(unsafe_code)] // vector instructions

use super::isa::isa;
use super::simd::{MAX_LANES, Simd, dispatch};
use std::hint::black_box;

/// How many independent sums a core needs to be busy, and has registers for, differs: the best of these is the peak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sums {
    /// For few registers, as those of portable code.
    Four,
    /// For two units with four steps each, and more.
    Twelve,
}

impl Sums {
    /// All of them.
    pub const ALL: [Sums; 2] = [Sums::Four, Sums::Twelve];
}

/// Multiplies and adds in registers, with the instructions in use; how many floating-point operations that were.
pub fn multiply_add(sums: Sums, rounds: u64) -> u64 {
    let isa = isa();
    let count = match sums {
        Sums::Four => {
            dispatch!(isa, four(rounds: u64));
            4
        }
        Sums::Twelve => {
            dispatch!(isa, twelve(rounds: u64));
            12
        }
    };
    2 * rounds * count * isa.tiling().lanes as u64
}

#[inline(always)]
unsafe fn four<S: Simd>(rounds: u64) {
    // SAFETY: passed on.
    unsafe { work::<S, 4>(rounds) }
}

#[inline(always)]
unsafe fn twelve<S: Simd>(rounds: u64) {
    // SAFETY: passed on.
    unsafe { work::<S, 12>(rounds) }
}

/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
unsafe fn work<S: Simd, const SUMS: usize>(rounds: u64) {
    // SAFETY: promised by the caller; `out` holds the widest vector.
    unsafe {
        // They come near 1 and stay there, so that no number becomes tiny and slow.
        let (factor, offset) = (S::splat(black_box(0.999)), S::splat(black_box(0.001)));
        let mut sums = [S::splat(black_box(0.5)); SUMS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = S::mul_add(*sum, factor, offset);
            }
        }
        let mut out = [0.0f32; MAX_LANES];
        for sum in sums {
            S::store(out.as_mut_ptr(), sum);
            black_box(&out);
        }
    }
}
