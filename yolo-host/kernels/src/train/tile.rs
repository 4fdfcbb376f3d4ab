//! What the dense kernels share: tiles of pixels by vectors of channels, held in registers.
#![allow(unsafe_code)] // loads and stores through pointers

use crate::base::isa::Isa;
use crate::base::simd::{Simd, lanes};

/// Channels in blocks `(start, width)` of as equal width as vectors allow, at most so many vectors each.
pub fn blocks(isa: Isa, width: usize) -> Vec<(usize, usize)> {
    let (lanes, most) = lanes(isa);
    let vectors = width.div_ceil(lanes);
    let count = vectors.div_ceil(most);
    let starts: Vec<usize> = (0..=count).map(|i| (i * vectors / count.max(1) * lanes).min(width)).collect();
    starts.windows(2).map(|pair| (pair[0], pair[1] - pair[0])).collect()
}

/// Calls `kernel::<S, P, N, FULL>` for a tile of P pixels (or rows) by N vectors, the last of which may be partly filled: as
/// many pixels as there are registers for their sums.
macro_rules! by_width {
    ($S:ident, $width:expr, $kernel:ident($($arg:expr),*)) => {
        match ($width.div_ceil($S::LANES), $width.is_multiple_of($S::LANES)) {
            (1, true) => $kernel::<$S, 12, 1, true>($($arg),*),
            (1, false) => $kernel::<$S, 12, 1, false>($($arg),*),
            (2, true) if $S::LANES == 8 => $kernel::<$S, 6, 2, true>($($arg),*),
            (2, false) if $S::LANES == 8 => $kernel::<$S, 6, 2, false>($($arg),*),
            (2, true) => $kernel::<$S, 12, 2, true>($($arg),*),
            (2, false) => $kernel::<$S, 12, 2, false>($($arg),*),
            (3, true) => $kernel::<$S, 8, 3, true>($($arg),*),
            (3, false) => $kernel::<$S, 8, 3, false>($($arg),*),
            (_, true) => $kernel::<$S, 6, 4, true>($($arg),*),
            (_, false) => $kernel::<$S, 6, 4, false>($($arg),*),
        }
    };
}
pub(super) use by_width;

/// `N` vectors, of the last of which only `partial` numbers are there unless it is full.
///
/// # Safety
/// The numbers can be read.
#[inline(always)]
pub unsafe fn vectors<S: Simd, const N: usize, const FULL: bool>(
    from: *const f32,
    partial: usize,
) -> [S::V; N] {
    // SAFETY: passed on.
    unsafe {
        let mut v = [S::zero(); N];
        for (i, v) in v.iter_mut().enumerate() {
            let from = from.add(i * S::LANES);
            *v = if FULL || i + 1 < N { S::load(from) } else { S::load_part(from, partial) };
        }
        v
    }
}

/// The reverse of [`vectors`].
///
/// # Safety
/// The numbers can be written.
#[inline(always)]
pub unsafe fn store<S: Simd, const N: usize, const FULL: bool>(to: *mut f32, v: &[S::V; N], partial: usize) {
    for (i, v) in v.iter().enumerate() {
        // SAFETY: passed on.
        unsafe {
            let to = to.add(i * S::LANES);
            if FULL || i + 1 < N { S::store(to, *v) } else { S::store_part(to, *v, partial) }
        }
    }
}
