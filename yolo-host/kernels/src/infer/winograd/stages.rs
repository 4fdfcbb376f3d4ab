//! The three stages of a run: tiles are transformed, multiplied point by point, and transformed back.
#![allow(unsafe_code)] // reads and writes through pointers

use super::transform::*;
use super::workspace::{Call, Workspace};
use crate::base::aligned::CACHE_LINE;
use crate::base::prefetch::prefetch;
use crate::base::simd::dot::{Dot, F32Dot};
use crate::base::simd::{MAX_LANES, Simd, dispatch};
use crate::infer::map::Source;
use crate::infer::microkernel::{self, Prefetch, Segment, Tile};
use crate::infer::panel::ChannelPanel;
use crate::infer::tile_height::{by_vectors, tile_height};
use std::ops::Range;

/// All stages, in their order.
pub const STAGES: [Stage; 3] = [Stage::Input, Stage::Products, Stage::Output];

/// A step that all tiles of a workspace take before the next one.
#[derive(Clone, Copy)]
pub enum Stage {
    /// Tiles of the input are transformed.
    Input,
    /// The points of all tiles are multiplied by the weights.
    Products,
    /// Products are transformed back and go through the epilogue.
    Output,
}

impl Stage {
    /// How many pieces can be done at the same time: tiles, or points.
    pub fn pieces(self, workspace: &Workspace) -> usize {
        match self {
            Stage::Products => workspace.points,
            _ => workspace.tiles.len(),
        }
    }
}

/// Takes some pieces of a workspace through a stage.
pub fn run_stage(call: &Call, workspace: &Workspace, stage: Stage, pieces: Range<usize>) {
    let task = &StageTask { call, workspace, pieces };
    match stage {
        Stage::Input => dispatch!(call.conv.isa, run_input(task: &StageTask)),
        Stage::Products => dispatch!(call.conv.isa, run_products(task: &StageTask)),
        Stage::Output => dispatch!(call.conv.isa, run_output(task: &StageTask)),
    }
}

/// A thread's share of a stage.
struct StageTask<'a> {
    call: &'a Call<'a>,
    workspace: &'a Workspace,
    pieces: Range<usize>,
}

/// # Safety
/// The processor has the instructions; [`Winograd::run`](super::Winograd::run) has checked the sizes; nobody else writes the pieces' numbers.
#[inline(always)]
unsafe fn run_input<S: Simd>(task: &StageTask) {
    // SAFETY: passed on.
    unsafe {
        match task.call.conv.points {
            36 => input_of::<S, F4x3, 6, 4>(task),
            16 => input_of::<S, F2x3, 4, 2>(task),
            _ => input_of::<S, F2x3Stride2, 5, 2>(task),
        }
    }
}

/// # Safety
/// As for [`run_input`].
#[inline(always)]
unsafe fn input_of<S: Simd, T: Transform<IN, OUT>, const IN: usize, const OUT: usize>(task: &StageTask) {
    let StageTask { call, workspace, pieces } = task;
    let (conv, g) = (call.conv, call.geometry);
    let pitch = workspace.pitches[0];
    let mut copy = [0.0; MAX_IN * MAX_IN * MAX_LANES];
    for tile in pieces.clone() {
        let (image, corner) = call.tile(workspace.tiles.start + tile);
        let [top, left] = [0, 1].map(|axis| (corner[axis] * conv.stride).wrapping_sub(conv.padding[axis]));
        let inside = |first: usize, side: usize| first < side && first + IN <= side;
        let mut channel = tile * conv.cin;
        for source in call.sources {
            if inside(top, g.input[0]) && left < g.input[1] {
                let first = (image * g.input[0] + top) * g.input[1] + left + IN;
                prefetch_pixels::<IN>(source, first, [g.input[1], OUT * conv.stride]);
            }
            let mut c = 0;
            while c < source.len {
                let count = (source.len - c).min(S::LANES);
                // SAFETY: passed on; pixels are of the map, or of the copy.
                unsafe {
                    let to = workspace.input.ptr().add(channel);
                    if inside(top, g.input[0]) && inside(left, g.input[1]) {
                        let first = (image * g.input[0] + top) * g.input[1] + left;
                        let from = source.data.as_ptr().add(first * source.pixel + source.first + c);
                        let steps = [g.input[1] * source.pixel, source.pixel];
                        input::<S, T, IN, OUT>(from, steps, count, to, pitch);
                    } else {
                        fill::<S, IN>(&mut copy, source, (image, [top, left], g.input), (c, count));
                        input::<S, T, IN, OUT>(copy.as_ptr(), [IN * S::LANES, S::LANES], count, to, pitch);
                    }
                }
                channel += count;
                c += count;
            }
        }
    }
}

/// Prefetches the pixels that the next tile reads and this one does not: so many in each row, from `first` on.
#[inline(always)]
fn prefetch_pixels<const IN: usize>(source: &Source, first: usize, [width, count]: [usize; 2]) {
    for y in 0..IN {
        for pixel in first + y * width..first + y * width + count {
            let from = source.data.as_ptr().wrapping_add(pixel * source.pixel + source.first);
            let mut at = 0;
            while at < source.len {
                prefetch(from.wrapping_add(at));
                at += CACHE_LINE;
            }
        }
    }
}

/// Copies some channels of a tile that begins at a corner, above or left of the map if it is beyond, with zeros outside.
///
/// # Safety
/// As for [`run_input`].
#[inline(always)]
unsafe fn fill<S: Simd, const IN: usize>(
    copy: &mut [f32],
    source: &Source,
    (image, [top, left], [height, width]): (usize, [usize; 2], [usize; 2]),
    (c, count): (usize, usize),
) {
    for (place, to) in copy.chunks_exact_mut(S::LANES).enumerate().take(IN * IN) {
        let [y, x] = [top.wrapping_add(place / IN), left.wrapping_add(place % IN)];
        // SAFETY: passed on; only pixels of the map are read.
        unsafe {
            let v = match y < height && x < width {
                true => {
                    let pixel = (image * height + y) * width + x;
                    S::load_partial(source.data.as_ptr().add(pixel * source.pixel + source.first + c), count)
                }
                false => S::zero(),
            };
            S::store(to.as_mut_ptr(), v);
        }
    }
}

/// # Safety
/// As for [`run_input`].
#[inline(always)]
unsafe fn run_products<S: Simd>(task: &StageTask) {
    for point in task.pieces.clone() {
        for panel in &task.call.conv.panels {
            // SAFETY: passed on.
            unsafe { by_vectors!(F32Dot<S>, panel.vectors, products_of(task, point, panel)) };
        }
    }
}

/// # Safety
/// As for [`run_input`]; the panel has N vectors.
#[inline(always)]
unsafe fn products_of<D: Dot, const N: usize>(task: &StageTask, point: usize, panel: &ChannelPanel) {
    let StageTask { call, workspace, .. } = task;
    let (conv, tiles) = (call.conv, workspace.tiles.len());
    let pixels = tile_height::<D, N>(tiles);
    // SAFETY: passed on.
    unsafe {
        let from = workspace.input.ptr().add(point * workspace.pitches[0]);
        let segments = [Segment::of_floats(from, conv.cin, conv.cin, 0)];
        let weight = conv.weights.as_ptr().add((point * conv.padded + panel.offset) * conv.cin);
        let zeros = conv.bias.as_ptr().add(conv.padded);
        let mut x = 0;
        while x < tiles {
            let start = x.min(tiles - pixels);
            let place = point * workspace.pitches[1] + start * conv.padded + panel.offset;
            let tile = Tile {
                weight: weight.cast(),
                init: zeros.cast(),
                scale: zeros,
                bias: zeros,
                to: workspace.products.ptr().add(place),
                pitch: conv.padded,
                prefetch: Prefetch::NONE,
            };
            microkernel::compute::<D, N>(pixels, start, &segments, &tile);
            x += pixels;
        }
    }
}

/// # Safety
/// As for [`run_input`].
#[inline(always)]
unsafe fn run_output<S: Simd>(task: &StageTask) {
    // SAFETY: passed on.
    unsafe {
        match task.call.conv.points {
            36 => output_of::<S, F4x3, 6, 4>(task),
            16 => output_of::<S, F2x3, 4, 2>(task),
            _ => output_of::<S, F2x3Stride2, 5, 2>(task),
        }
    }
}

/// # Safety
/// As for [`run_input`].
#[inline(always)]
unsafe fn output_of<S: Simd, T: Transform<IN, OUT>, const IN: usize, const OUT: usize>(task: &StageTask) {
    let StageTask { call, workspace, pieces } = task;
    let (conv, [height, width]) = (call.conv, call.geometry.output);
    let mut sums = [0.0f32; MAX_OUT * MAX_OUT * MAX_LANES];
    let sums = &mut sums[..OUT * OUT * S::LANES];
    for tile in pieces.clone() {
        let (image, [top, left]) = call.tile(workspace.tiles.start + tile);
        for panel in &conv.panels {
            for y in 0..OUT.min(height - top) {
                let next = (image * height + top + y) * width + left + OUT;
                call.epilogue.prefetch((panel.start, panel.width), next..next + OUT);
            }
            let mut n = 0;
            while n < panel.width {
                let count = (panel.width - n).min(S::LANES);
                let padded = panel.offset + n;
                // SAFETY: passed on; only pixels of the map are stored.
                unsafe {
                    let from = workspace.products.ptr().add(tile * conv.padded + padded);
                    let pitch = workspace.pitches[1];
                    output::<S, T, IN, OUT>(from, pitch, conv.bias.as_ptr().add(padded), sums.as_mut_ptr());
                    for y in 0..OUT.min(height - top) {
                        let pixel = (image * height + top + y) * width + left;
                        let sums = sums.as_mut_ptr().add(y * OUT * S::LANES);
                        let pixels = (pixel, OUT.min(width - left));
                        call.epilogue.store::<S>(pixels, (panel.start + n, count), sums);
                    }
                }
                n += S::LANES;
            }
        }
    }
}
