//! The peak of multiply-adds that a core reaches: sums that stay in registers and wait for no memory.
#![allow(unsafe_code)] // vector instructions

use super::isa::isa;
use super::simd::{MAX_LANES, Simd, dispatch};
use std::hint::black_box;

/// How many independent sums are added to. How many keep a core busy, and how many it has registers for, differs: the best of
/// these is the peak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accumulators {
    /// For few registers, as portable code has.
    Four,
    /// For two units with a latency of four cycles or more.
    Twelve,
}

impl Accumulators {
    /// All of them.
    pub const ALL: [Accumulators; 2] = [Accumulators::Four, Accumulators::Twelve];
}

/// Multiplies and adds in registers with the instruction set in use, and returns how many floating-point operations it did.
pub fn multiply_add(sums: Accumulators, rounds: u64) -> u64 {
    let isa = isa();
    let count = match sums {
        Accumulators::Four => {
            dispatch!(isa, four(rounds: u64));
            4
        }
        Accumulators::Twelve => {
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
        // The sums converge to 1, so that none becomes subnormal, which would be slow.
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
