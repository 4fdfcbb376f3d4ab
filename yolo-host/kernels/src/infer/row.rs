//! A row of output pixels by panels of output channels, tile by tile.
#![allow(unsafe_code)] // reads and writes through pointers

use super::epilogue::Epilogue;
use super::microkernel::{self, Prefetch, Segment, Tile};
use super::panel::ChannelPanel;
use super::tile_height::{by_vectors, largest_tile, tile_height};
use crate::base::aligned::Aligned;
use crate::base::simd::dot::Dot;
use crate::base::simd::{MAX_LANES, Simd};
use std::mem::MaybeUninit;

/// Floats of the largest tile of all instruction sets.
const TILE: usize = 28 * MAX_LANES;

/// Packed weights of a convolution, and what becomes of their sums.
pub struct PackedWeights<'a> {
    /// Words `[depth, nr]` of each panel, as floats of the same bits.
    pub weights: &'a [f32],
    /// Words of an output channel.
    pub depth: usize,
    /// Words that sums begin with: `[nr]` of each panel.
    pub init: &'a [f32],
    /// What [`Dot::to_f32`] multiplies by: `[nr]` of each panel.
    pub scale: &'a [f32],
    /// What [`Dot::to_f32`] adds: `[nr]` of each panel.
    pub bias: &'a [f32],
    /// Where sums go.
    pub epilogue: Epilogue<'a>,
}

/// Neighbouring pixels of the output.
#[derive(Clone, Copy)]
pub struct PixelRow<'a> {
    /// The input that they are computed from.
    pub segments: &'a [Segment],
    /// The first pixel.
    pub first: usize,
    /// How many pixels there are.
    pub width: usize,
    /// Whether the input is not in a cache yet, so that the first panel prefetches it a tile ahead.
    pub prefetch_input: bool,
}

/// Computes all tiles of a row with each of some panels. The last tile reaches back over pixels that are done already.
///
/// # Safety
/// The processor has the instructions; weights are packed for the panels; the segments can be read, and the target has the
/// pixels, which nobody else writes.
#[inline(always)]
pub unsafe fn compute_row<D: Dot>(weights: &PackedWeights, panels: &[ChannelPanel], row: PixelRow) {
    for panel in panels {
        // SAFETY: passed on. Not in a closure, which would be compiled without the instructions.
        unsafe { by_vectors!(D, panel.vectors, compute_tiles(weights, panel, &row)) };
    }
}

/// # Safety
/// As for [`compute_row`]; the panel has N vectors.
#[inline(always)]
unsafe fn compute_tiles<D: Dot, const N: usize>(
    weights: &PackedWeights,
    panel: &ChannelPanel,
    row: &PixelRow,
) {
    let pixels = tile_height::<D, N>(row.width);
    let mut x = 0;
    while x < row.width {
        let start = x.min(row.width.saturating_sub(pixels));
        // SAFETY: passed on.
        unsafe { compute_tile::<D, N>(weights, panel, row, (start, pixels)) };
        x += pixels;
    }
}

/// # Safety
/// As for [`compute_row`].
#[inline(always)]
unsafe fn compute_tile<D: Dot, const N: usize>(
    weights: &PackedWeights,
    panel: &ChannelPanel,
    row: &PixelRow,
    (x, pixels): (usize, usize),
) {
    const { assert!(largest_tile::<D>(N) <= TILE, "a tile that the buffer does not hold") };
    let mut sums = Aligned(MaybeUninit::<[f32; TILE]>::uninit());
    let sums = sums.0.as_mut_ptr().cast::<f32>();
    let (target, target_step) = weights.epilogue.address(row.first + x + pixels, panel.start);
    let input_pixels = if row.prefetch_input && panel.start == 0 { pixels } else { 0 };
    // SAFETY: passed on; a tile has at most TILE floats.
    unsafe {
        let tile = Tile {
            weight: weights.weights.as_ptr().add(panel.offset * weights.depth).cast(),
            init: weights.init.as_ptr().add(panel.offset).cast(),
            scale: weights.scale.as_ptr().add(panel.offset),
            bias: weights.bias.as_ptr().add(panel.offset),
            to: sums,
            pitch: N * D::S::LANES,
            prefetch: Prefetch { input_pixels, target, target_step },
        };
        microkernel::compute::<D, N>(pixels, x, row.segments, &tile);
        // A row of one pixel is less than some dot products take together.
        let pixels = (row.first + x, pixels.min(row.width));
        weights.epilogue.store::<D::S>(pixels, (panel.start, panel.width), sums);
    }
}
