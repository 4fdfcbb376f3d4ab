//! The memory of a run: transformed tiles and their products.

use super::conv::Winograd;
use crate::base::aligned::{AlignedBuf, CACHE_LINE};
use crate::base::parallel::Shared;
use crate::infer::epilogue::Epilogue;
use crate::infer::map::{Geometry, Source};
use std::cell::Cell;
use std::ops::Range;

thread_local! {
    /// Transformed input and products of this thread, which every convolution uses again.
    static WORKSPACE: Cell<AlignedBuf> = const { Cell::new(AlignedBuf::new()) };
}

/// Lends this thread's memory to a convolution. One that rayon starts on this thread while another waits finds none, and
/// takes its own.
pub fn with_workspace(work: impl FnOnce(&mut AlignedBuf)) {
    let mut memory = WORKSPACE.take();
    work(&mut memory);
    WORKSPACE.set(memory);
}

/// One call of a convolution.
pub struct Call<'a> {
    /// Weights and sizes.
    pub conv: &'a Winograd,
    /// Sizes of the maps.
    pub geometry: &'a Geometry,
    /// What is read.
    pub sources: &'a [Source<'a>],
    /// Where sums go.
    pub epilogue: Epilogue<'a>,
    /// Tiles down and across an image.
    pub grid: [usize; 2],
}

impl Call<'_> {
    /// The image of a tile, and the row and column where its output begins.
    pub fn tile(&self, tile: usize) -> (usize, [usize; 2]) {
        let [height, width] = self.grid;
        (tile / (height * width), [tile / width % height * self.conv.out, tile % width * self.conv.out])
    }
}

/// Tiles between the stages: input `[points, tiles, cin]` and products `[points, tiles, padded]`.
pub struct Workspace {
    /// Which tiles.
    pub tiles: Range<usize>,
    /// Points of a tile.
    pub points: usize,
    /// Floats from point to point, of input and of products.
    pub pitches: [usize; 2],
    /// Transformed input.
    pub input: Shared<f32>,
    /// Products of input and weights.
    pub products: Shared<f32>,
}

impl Workspace {
    /// Lays out memory for some tiles.
    pub fn new(memory: &mut AlignedBuf, call: &Call, tiles: Range<usize>) -> Self {
        let points = call.conv.points;
        // An odd number of cache lines from point to point: with an even one, points would compete for the same sets of the
        // first-level cache.
        let pitches = [call.conv.cin, call.conv.padded]
            .map(|channels| ((tiles.len() * channels).div_ceil(CACHE_LINE) | 1) * CACHE_LINE);
        let [input, products] = pitches.map(|pitch| points * pitch);
        memory.reserve(input + products);
        let (input, products) = memory.split_at_mut(input);
        Workspace { tiles, points, pitches, input: Shared::new(input), products: Shared::new(products) }
    }
}
