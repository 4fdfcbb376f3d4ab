//! What the dense kernels share: tiles of P pixels by N vectors of channels, whose sums stay in registers.
#![allow(unsafe_code)] // loads and stores through pointers

use crate::base::isa::Isa;
use crate::base::simd::{Simd, Tiling};

/// Channels in panels `(start, width)` of as equal width as vectors allow, none wider than the set's widest tile.
pub fn panels(isa: Isa, width: usize) -> Vec<(usize, usize)> {
    let Tiling { lanes, train, .. } = isa.tiling();
    let vectors = width.div_ceil(lanes);
    let count = vectors.div_ceil(train.len());
    let starts: Vec<usize> = (0..=count).map(|i| (i * vectors / count.max(1) * lanes).min(width)).collect();
    starts.windows(2).map(|pair| (pair[0], pair[1] - pair[0])).collect()
}

/// P of a set's tiles of so many vectors; 0 where it has none.
pub const fn height<S: Simd>(vectors: usize) -> usize {
    if vectors <= S::TRAIN_TILES.len() { S::TRAIN_TILES[vectors - 1] } else { 0 }
}

/// Calls `kernel::<S, P, N, FULL>` for a tile of P pixels (or rows) by N vectors, the last of which may be partly filled.
macro_rules! by_width {
    ($S:ident, $width:expr, $kernel:ident $args:tt) => {{
        let full = $width.is_multiple_of($S::LANES);
        match $width.div_ceil($S::LANES) {
            1 => $crate::train::microkernel::by_height!($S, 1, full, $kernel $args),
            2 => $crate::train::microkernel::by_height!($S, 2, full, $kernel $args),
            3 => $crate::train::microkernel::by_height!($S, 3, full, $kernel $args),
            _ => $crate::train::microkernel::by_height!($S, 4, full, $kernel $args),
        }
    }};
}
pub(super) use by_width;

/// [`by_width`] for N vectors: P is what the set says.
macro_rules! by_height {
    ($S:ident, $N:literal, $full:ident, $kernel:ident $args:tt) => {{
        const { assert!(matches!($crate::train::microkernel::height::<$S>($N), 0 | 6 | 8 | 12)) };
        if const { $crate::train::microkernel::height::<$S>($N) == 12 } {
            $crate::train::microkernel::filled!($S, 12, $N, $full, $kernel $args)
        } else if const { $crate::train::microkernel::height::<$S>($N) == 8 } {
            $crate::train::microkernel::filled!($S, 8, $N, $full, $kernel $args)
        } else if const { $crate::train::microkernel::height::<$S>($N) == 6 } {
            $crate::train::microkernel::filled!($S, 6, $N, $full, $kernel $args)
        }
    }};
}
pub(super) use by_height;

/// [`by_height`] for P pixels: with whole vectors, or a last one that is partly filled.
macro_rules! filled {
    ($S:ident, $P:literal, $N:literal, $full:ident, $kernel:ident($($arg:expr),*)) => {
        if $full { $kernel::<$S, $P, $N, true>($($arg),*) } else { $kernel::<$S, $P, $N, false>($($arg),*) }
    };
}
pub(super) use filled;

/// Loads `N` vectors, the last one only `partial` floats of it unless it is full.
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
            *v = if FULL || i + 1 < N { S::load(from) } else { S::load_partial(from, partial) };
        }
        v
    }
}

/// Stores what [`vectors`] loads.
///
/// # Safety
/// The numbers can be written.
#[inline(always)]
pub unsafe fn store<S: Simd, const N: usize, const FULL: bool>(to: *mut f32, v: &[S::V; N], partial: usize) {
    for (i, v) in v.iter().enumerate() {
        // SAFETY: passed on.
        unsafe {
            let to = to.add(i * S::LANES);
            if FULL || i + 1 < N { S::store(to, *v) } else { S::store_partial(to, *v, partial) }
        }
    }
}
