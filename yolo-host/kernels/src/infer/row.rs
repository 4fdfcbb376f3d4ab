//! A line of pixels with blocks of output channels, tile by tile.
#![allow(unsafe_code)] // reads and writes through pointers

use super::Block;
use super::epilogue::Finish;
use super::microkernel::{self, Ahead, Segment, Sums, size};
use crate::base::aligned::Aligned;
use crate::base::simd::dot::Dot;
use crate::base::simd::{MAX_LANES, Simd};
use std::mem::MaybeUninit;

/// Numbers of the largest tile.
const TILE: usize = 28 * MAX_LANES;

/// What every line of a convolution is computed with.
pub struct Weights<'a> {
    /// Words by block `[depth, room]`, as numbers of the same bits.
    pub weights: &'a [f32],
    /// Words of an output channel.
    pub depth: usize,
    /// Words that sums begin with, and what [`Dot::to_f32`] takes: by block.
    pub start: &'a [f32],
    /// See there.
    pub scale: &'a [f32],
    /// See there.
    pub bias: &'a [f32],
    /// Where sums go.
    pub finish: Finish<'a>,
}

/// Neighbouring pixels of the output.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    /// What they are computed from.
    pub segments: &'a [Segment],
    /// The first of them …
    pub first: usize,
    /// … and how many there are.
    pub width: usize,
    /// Whether the input lies far, and is asked for a tile ahead by the first block.
    pub far: bool,
}

/// All tiles with each of some blocks; the last tile reaches back over pixels that are done.
///
/// # Safety
/// The processor has the instructions; weights are packed for the blocks; the segments can be read, and the target has the
/// pixels, which nobody else writes.
#[inline(always)]
pub unsafe fn run<P: Dot>(weights: &Weights, blocks: &[Block], line: Line) {
    for block in blocks {
        let pixels = match block.vectors {
            2 => size::<P::S, 2>(line.width),
            _ => size::<P::S, 1>(line.width),
        };
        let mut x = 0;
        while x < line.width {
            let start = x.min(line.width - pixels);
            // SAFETY: passed on. No closures: they would not be compiled for the instructions.
            unsafe {
                match block.vectors {
                    2 => compute::<P, 2>(weights, block, &line, (start, pixels)),
                    _ => compute::<P, 1>(weights, block, &line, (start, pixels)),
                }
            }
            x += pixels;
        }
    }
}

/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn compute<P: Dot, const N: usize>(
    weights: &Weights,
    block: &Block,
    line: &Line,
    (x, pixels): (usize, usize),
) {
    let mut room = Aligned(MaybeUninit::<[f32; TILE]>::uninit());
    let room = room.0.as_mut_ptr().cast::<f32>();
    let (to, step) = weights.finish.place(line.first + x + pixels, block.start);
    let ahead = Ahead { pixels: if line.far && block.start == 0 { pixels } else { 0 }, to, step };
    // SAFETY: passed on; a tile has at most TILE numbers.
    unsafe {
        let sums = Sums {
            weight: weights.weights.as_ptr().add(block.padded * weights.depth).cast(),
            start: weights.start.as_ptr().add(block.padded).cast(),
            scale: weights.scale.as_ptr().add(block.padded),
            bias: weights.bias.as_ptr().add(block.padded),
            to: room,
            pitch: N * P::S::LANES,
            ahead,
        };
        microkernel::sums::<P, N>(pixels, x, line.segments, &sums);
        weights.finish.store::<P::S>((line.first + x, pixels), (block.start, block.width), room);
    }
}
