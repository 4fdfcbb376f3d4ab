//! Tiles of a map on their way through a convolution: transformed, multiplied point by point, and transformed back.

#![allow(unsafe_code)] // reads and writes through pointers

use super::Winograd;
use super::transform::*;
use crate::base::aligned::{LINE, Lines};
use crate::base::parallel::Shared;
use crate::base::prefetch::prefetch;
use crate::base::simd::dot::F32Dot;
use crate::base::simd::{MAX_LANES, Simd, dispatch};
use crate::infer::epilogue::Finish;
use crate::infer::microkernel::{self, Ahead, Segment, Sums, size};
use crate::infer::{Geometry, Source};
use std::cell::Cell;
use std::ops::Range;

thread_local! {
    /// Transformed input and products, kept so that no run needs new memory.
    static ROOM: Cell<Lines> = const { Cell::new(Lines::new()) };
}

/// A call within the call, as rayon may make while it waits, finds an empty room.
pub fn with_room(work: impl FnOnce(&mut Lines)) {
    let mut room = ROOM.take();
    work(&mut room);
    ROOM.set(room);
}

/// One convolution of one map.
pub struct Job<'a> {
    /// Weights and sizes.
    pub conv: &'a Winograd,
    /// Of the map.
    pub geometry: &'a Geometry,
    /// What is read.
    pub sources: &'a [Source<'a>],
    /// Where sums go.
    pub finish: Finish<'a>,
    /// Tiles down and across an image.
    pub grid: [usize; 2],
}

/// All of them, in their order.
pub const STAGES: [Stage; 3] = [Stage::Input, Stage::Products, Stage::Output];

/// What is done with some tiles, one after the other.
#[derive(Clone, Copy)]
pub enum Stage {
    Input,
    Products,
    Output,
}

impl Stage {
    /// What can be done at the same time: tiles, or points.
    pub fn pieces(self, room: &Room) -> usize {
        match self {
            Stage::Products => room.points,
            _ => room.tiles.len(),
        }
    }
}

/// Some tiles on their way: `[points, tiles, cin]` and `[points, tiles, padded]`, with some room behind each point.
pub struct Room {
    tiles: Range<usize>,
    points: usize,
    /// Numbers from point to point, of input and products.
    pitches: [usize; 2],
    input: Shared<f32>,
    products: Shared<f32>,
}

impl Room {
    /// Room for some tiles.
    pub fn new(room: &mut Lines, job: &Job, tiles: Range<usize>) -> Self {
        let points = job.conv.points;
        // An odd number of lines from point to point: the same places of the nearest cache are not used again so soon.
        let pitches = [job.conv.cin, job.conv.padded]
            .map(|channels| ((tiles.len() * channels).div_ceil(LINE) | 1) * LINE);
        let [input, products] = pitches.map(|pitch| points * pitch);
        room.reserve(input + products);
        let (input, products) = room.split_at_mut(input);
        Room { tiles, points, pitches, input: Shared::new(input), products: Shared::new(products) }
    }

    /// Does a stage of some pieces.
    pub fn run(&self, job: &Job, stage: Stage, pieces: Range<usize>) {
        let part = &Part { job, room: self, pieces };
        match stage {
            Stage::Input => dispatch!(job.conv.isa, run_input(part: &Part)),
            Stage::Products => dispatch!(job.conv.isa, run_products(part: &Part)),
            Stage::Output => dispatch!(job.conv.isa, run_output(part: &Part)),
        }
    }
}

struct Part<'a> {
    job: &'a Job<'a>,
    room: &'a Room,
    pieces: Range<usize>,
}

/// # Safety
/// The processor has the instructions; [`Winograd::run`] has checked the sizes; nobody else writes the pieces' numbers.
#[inline(always)]
unsafe fn run_input<S: Simd>(part: &Part) {
    // SAFETY: passed on.
    unsafe {
        match part.job.conv.points {
            36 => input_of::<S, Four, 6, 4>(part),
            16 => input_of::<S, Two, 4, 2>(part),
            _ => input_of::<S, TwoApart, 5, 2>(part),
        }
    }
}

/// # Safety
/// As for [`run_input`].
#[inline(always)]
unsafe fn input_of<S: Simd, T: Transform<IN, OUT>, const IN: usize, const OUT: usize>(part: &Part) {
    let Part { job, room, pieces } = part;
    let (conv, g) = (job.conv, job.geometry);
    let pitch = room.pitches[0];
    let mut copy = [0.0; MOST_IN * MOST_IN * MAX_LANES];
    for tile in pieces.clone() {
        let (image, corner) = job.tile(room.tiles.start + tile);
        let [top, left] = [0, 1].map(|axis| (corner[axis] * conv.stride).wrapping_sub(conv.padding[axis]));
        let inside = |first: usize, side: usize| first < side && first + IN <= side;
        let mut channel = tile * conv.cin;
        for source in job.sources {
            if inside(top, g.input[0]) && left < g.input[1] {
                let first = (image * g.input[0] + top) * g.input[1] + left + IN;
                fetch::<IN>(source, first, [g.input[1], OUT * conv.stride]);
            }
            let mut c = 0;
            while c < source.len {
                let count = (source.len - c).min(S::LANES);
                // SAFETY: passed on; pixels are of the map, or of the copy.
                unsafe {
                    let to = room.input.ptr().add(channel);
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

/// Asks for the pixels that the next tile reads and this one does not: so many in each row, from `first` on.
#[inline(always)]
fn fetch<const IN: usize>(source: &Source, first: usize, [width, count]: [usize; 2]) {
    for y in 0..IN {
        for pixel in first + y * width..first + y * width + count {
            let from = source.data.as_ptr().wrapping_add(pixel * source.pixel + source.first);
            let mut at = 0;
            while at < source.len {
                prefetch(from.wrapping_add(at));
                at += LINE;
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
                    let pixel = (picture * height + y) * width + x;
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
unsafe fn run_products<S: Simd>(part: &Part) {
    let Part { job, room, pieces } = part;
    let (conv, tiles) = (job.conv, room.tiles.len());
    for point in pieces.clone() {
        // SAFETY: passed on.
        unsafe {
            let from = room.input.ptr().add(point * room.pitches[0]);
            let segments = [Segment::of_floats(from, conv.cin, conv.cin, 0)];
            for block in &conv.blocks {
                let pixels = if block.vectors == 2 { size::<S, 2>(tiles) } else { size::<S, 1>(tiles) };
                let mut x = 0;
                while x < tiles {
                    let start = x.min(tiles - pixels);
                    let place = point * room.pitches[1] + start * conv.padded + block.padded;
                    let weight = conv.weights.as_ptr().add((point * conv.padded + block.padded) * conv.cin);
                    let zeros = conv.bias.as_ptr().add(conv.padded);
                    let sums = Sums {
                        weight: weight.cast(),
                        start: zeros.cast(),
                        scale: zeros,
                        bias: zeros,
                        to: room.products.ptr().add(place),
                        pitch: conv.padded,
                        ahead: Ahead::NONE,
                    };
                    match block.vectors {
                        2 => microkernel::sums::<F32Dot<S>, 2>(pixels, start, &segments, &sums),
                        _ => microkernel::sums::<F32Dot<S>, 1>(pixels, start, &segments, &sums),
                    }
                    x += pixels;
                }
            }
        }
    }
}

/// # Safety
/// As for [`run_input`].
#[inline(always)]
unsafe fn run_output<S: Simd>(part: &Part) {
    // SAFETY: passed on.
    unsafe {
        match part.job.conv.points {
            36 => output_of::<S, Four, 6, 4>(part),
            16 => output_of::<S, Two, 4, 2>(part),
            _ => output_of::<S, TwoApart, 5, 2>(part),
        }
    }
}

/// # Safety
/// As for [`run_input`].
#[inline(always)]
unsafe fn output_of<S: Simd, T: Transform<IN, OUT>, const IN: usize, const OUT: usize>(part: &Part) {
    let Part { job, room, pieces } = part;
    let (conv, [height, width]) = (job.conv, job.geometry.output);
    let mut sums = [0.0f32; MOST_OUT * MOST_OUT * MAX_LANES];
    let sums = &mut sums[..OUT * OUT * S::LANES];
    for tile in pieces.clone() {
        let (image, [top, left]) = job.tile(room.tiles.start + tile);
        for block in &conv.blocks {
            for y in 0..OUT.min(height - top) {
                let next = (image * height + top + y) * width + left + OUT;
                job.finish.fetch((block.start, block.width), next..next + OUT);
            }
            let mut n = 0;
            while n < block.width {
                let count = (block.width - n).min(S::LANES);
                let padded = block.padded + n;
                // SAFETY: passed on; only pixels of the map are stored.
                unsafe {
                    let from = room.products.ptr().add(tile * conv.padded + padded);
                    let pitch = room.pitches[1];
                    output::<S, T, IN, OUT>(from, pitch, conv.bias.as_ptr().add(padded), sums.as_mut_ptr());
                    for y in 0..OUT.min(height - top) {
                        let pixel = (image * height + top + y) * width + left;
                        let sums = sums.as_mut_ptr().add(y * OUT * S::LANES);
                        let pixels = (pixel, OUT.min(width - left));
                        job.finish.store::<S>(pixels, (block.start + n, count), sums);
                    }
                }
                n += S::LANES;
            }
        }
    }
}

impl Job<'_> {
    /// The image of a tile, and where its output begins, down and across.
    fn tile(&self, tile: usize) -> (usize, [usize; 2]) {
        let [height, width] = self.grid;
        (tile / (height * width), [tile / width % height * self.conv.out, tile % width * self.conv.out])
    }
}
