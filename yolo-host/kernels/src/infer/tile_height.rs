//! How many pixels a tile of the micro-kernel has: of those that the instruction set's registers hold, the height that covers a
//! row in the least time.

use crate::base::simd::dot::Dot;
use crate::base::simd::{Simd, Tiling};

/// Heights of a dot product's tiles of so many vectors.
pub const fn heights<D: Dot>(vectors: usize) -> &'static [usize] {
    if vectors <= D::TILES.len() { D::TILES[vectors - 1] } else { &[] }
}

/// Whether a height is among others, for the compiler to know.
pub const fn is_among(height: usize, heights: &[usize]) -> bool {
    let mut i = 0;
    while i < heights.len() {
        if heights[i] == height {
            return true;
        }
        i += 1;
    }
    false
}

/// Whether all of some heights are among others of so many pixels each.
pub const fn are_among(heights: &[usize], pixels: usize, others: &[usize]) -> bool {
    let mut i = 0;
    while i < heights.len() {
        if !heights[i].is_multiple_of(pixels) || !is_among(heights[i] / pixels, others) {
            return false;
        }
        i += 1;
    }
    true
}

/// The most floats of tiles of so many vectors, whose heights are sorted.
pub const fn largest_tile<D: Dot>(vectors: usize) -> usize {
    match heights::<D>(vectors) {
        [height, ..] => *height * vectors * D::S::LANES,
        [] => 0,
    }
}

/// `by_vectors!(D, vectors, kernel(args))` calls `kernel::<D, N>` for a panel of so many vectors, of those that the tiles of `D` have.
macro_rules! by_vectors {
    ($D:ty, $vectors:expr, $kernel:ident $args:tt) => {
        match $vectors {
            4 if const { !$crate::infer::tile_height::heights::<$D>(4).is_empty() } => {
                $kernel::<$D, 4> $args
            }
            3 if const { !$crate::infer::tile_height::heights::<$D>(3).is_empty() } => {
                $kernel::<$D, 3> $args
            }
            2 if const { !$crate::infer::tile_height::heights::<$D>(2).is_empty() } => {
                $kernel::<$D, 2> $args
            }
            _ => $kernel::<$D, 1> $args,
        }
    };
}
pub(super) use by_vectors;

/// The height of tiles that cover so many pixels in the least time: not above `width`, unless one pixel is less than the dot
/// product takes together.
pub fn tile_height<D: Dot, const N: usize>(width: usize) -> usize {
    fewest(width, const { heights::<D>(N) })
}

/// How long so many pixels of the widest panel take, in pixels of one tile.
pub fn cost(tiling: &Tiling, width: usize) -> usize {
    let height = fewest(width, tiling.infer.last().copied().unwrap_or_default());
    width.div_ceil(height) * (height + 1)
}

/// Pixels that a 1×1 convolution computes together: about as many as fit in a cache, in whole tiles of the widest panel.
pub fn pixels_of(tiling: &Tiling, fitting: usize) -> usize {
    let tallest = tiling.infer.last().and_then(|heights| heights.first()).copied().unwrap_or(1);
    let least = 28usize.next_multiple_of(tallest);
    fitting.clamp(least, 16 * least).next_multiple_of(least)
}

/// A tile takes about as long as one pixel more would: its weights are loaded, too.
fn fewest(width: usize, heights: &[usize]) -> usize {
    let fitting = heights.iter().copied().filter(|height| *height <= width);
    let best = fitting.min_by_key(|height| width.div_ceil(*height) * (height + 1));
    best.or(heights.last().copied()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::fewest;

    #[test]
    fn few_tiles_cover_a_row() {
        assert_eq!(fewest(20, &[14, 10, 6]), 10);
        assert_eq!(fewest(448, &[14, 10, 6]), 14);
        assert_eq!(fewest(3, &[14, 2, 1]), 2);
    }
}
