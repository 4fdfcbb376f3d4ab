//! How many pixels a tile of the micro-kernel has: of those that the instruction set's registers hold, the height that covers a
//! row in the least time.

use crate::base::Isa;
use crate::base::simd::Simd;

/// Heights of a set's tiles of so many vectors.
pub const fn heights<S: Simd>(vectors: usize) -> &'static [usize] {
    if vectors <= S::INFER_TILES.len() { S::INFER_TILES[vectors - 1] } else { &[] }
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

/// Whether all of some heights are among others.
pub const fn are_among(heights: &[usize], others: &[usize]) -> bool {
    let mut i = 0;
    while i < heights.len() {
        if !is_among(heights[i], others) {
            return false;
        }
        i += 1;
    }
    true
}

/// The most floats of a set's tiles of so many vectors, whose heights are sorted.
pub const fn largest_tile<S: Simd>(vectors: usize) -> usize {
    match heights::<S>(vectors) {
        [height, ..] => *height * vectors * S::LANES,
        [] => 0,
    }
}

/// The height, not above `width`, of tiles that cover so many pixels in the least time.
pub fn tile_height<S: Simd, const N: usize>(width: usize) -> usize {
    fewest(width, const { heights::<S>(N) })
}

/// How long so many pixels of the widest panel take, in pixels of one tile.
pub fn cost(isa: Isa, width: usize) -> usize {
    let height = fewest(width, isa.tiling().infer.last().copied().unwrap_or_default());
    width.div_ceil(height) * (height + 1)
}

/// A tile takes about as long as one pixel more would: its weights are loaded, too.
fn fewest(width: usize, heights: &[usize]) -> usize {
    let fitting = heights.iter().copied().filter(|height| *height <= width);
    fitting.min_by_key(|height| width.div_ceil(*height) * (height + 1)).unwrap_or(1)
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
