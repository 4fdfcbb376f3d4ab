//! The sums of a tile of pixels by vectors of channels, held in registers.
#![allow(unsafe_code)] // loads through pointers

use crate::kernels::simd::Simd;

/// Adds, for each of P pixels `step` numbers apart, `count` numbers times a matrix `[count, N vectors]`.
///
/// # Safety
/// The processor has the instructions; all of it can be read.
#[inline(always)]
pub unsafe fn regular<S: Simd, const P: usize, const N: usize>(
    sums: &mut [[S::V; N]; P],
    from: *const f32,
    step: usize,
    count: usize,
    mut weight: *const f32,
) {
    // SAFETY: passed on. Three pixels share a pointer, so that all pointers fit into registers.
    unsafe {
        let mut bases = [from; P];
        for (p, base) in bases.iter_mut().enumerate() {
            *base = from.add(p / 3 * 3 * step);
        }
        for i in 0..count {
            let mut w = [S::zero(); N];
            for (n, w) in w.iter_mut().enumerate() {
                *w = S::load(weight.add(n * S::LANES));
            }
            for p in 0..P {
                let x = S::splat(*bases[p / 3 * 3].add(i + p % 3 * step));
                for n in 0..N {
                    sums[p][n] = S::mul_add(x, w[n], sums[p][n]);
                }
            }
            weight = weight.add(N * S::LANES);
        }
    }
}

/// The same for pixels anywhere.
///
/// # Safety
/// As for [`regular`].
#[inline(always)]
pub unsafe fn scattered<S: Simd, const P: usize, const N: usize>(
    sums: &mut [[S::V; N]; P],
    from: &[*const f32; P],
    count: usize,
    mut weight: *const f32,
) {
    // SAFETY: passed on.
    unsafe {
        for i in 0..count {
            let mut w = [S::zero(); N];
            for (n, w) in w.iter_mut().enumerate() {
                *w = S::load(weight.add(n * S::LANES));
            }
            for p in 0..P {
                let x = S::splat(*from[p].add(i));
                for n in 0..N {
                    sums[p][n] = S::mul_add(x, w[n], sums[p][n]);
                }
            }
            weight = weight.add(N * S::LANES);
        }
    }
}
