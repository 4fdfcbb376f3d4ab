//! 3×3 convolution by tiles of 4×4 or 2×2 outputs. F(4×4, 3×3) takes 36 products a channel for a tile instead of 144, and
//! F(2×2, 3×3) 16 instead of 36 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308); with
//! stride 2, by the same means, 2×2 outputs take 25.

#![allow(unsafe_code)] // reads and writes through pointers

use super::finish::Finish;
use super::tile::{self, Segment, Sums, size};
use super::transform::*;
use super::{Block, Geometry, Layer, Source, Target, blocks};
use crate::graph::Act;
use crate::kernels::Window;
use crate::kernels::isa::Isa;
use crate::kernels::lines::{LINE, Lines};
use crate::kernels::parallel::{Shared, tasks};
use crate::kernels::simd::{Simd, dispatch, prefetch};
use std::cell::Cell;
use std::ops::Range;

/// Numbers of transformed tiles that a thread keeps, so that they stay in its second cache.
const NEAR: usize = 160 << 10;

/// Pairs of channels up to which tiles are of 4×4 outputs, and those up to which they are of 2×2. More have weights that are
/// too large: of 4×4 outputs four times the plain ones, of 2×2 twice, and with stride 2 three times.
const MOST: [usize; 2] = [1 << 15, 1 << 16];

thread_local! {
    /// Transformed input and products, kept so that no run needs new memory.
    static ROOM: Cell<Lines> = const { Cell::new(Lines::new()) };
}

/// Such a convolution with its weights and bias, activation after it.
#[derive(Debug)]
pub struct Winograd {
    isa: Isa,
    stride: usize,
    /// Side of a tile of the output.
    out: usize,
    /// Products of a tile for each pair of channels.
    points: usize,
    padding: [usize; 2],
    lens: Vec<usize>,
    cin: usize,
    cout: usize,
    act: Option<Act>,
    blocks: Vec<Block>,
    /// By point and block `[in, vectors]`.
    weights: Lines,
    /// Padded to whole vectors, by block; then as many zeros as a block has.
    bias: Lines,
    /// Channels of the output in whole vectors.
    padded: usize,
}

impl Winograd {
    /// Whether a convolution is of this kind, and has channels enough to gain by it, but not so many that its weights are most
    /// of the network's memory.
    pub fn fits(window: &Window, cin: usize, cout: usize) -> bool {
        let Window { kernel, stride, dilation, padding } = *window;
        let least = match stride {
            [1, 1] => 16,
            [2, 2] => 32,
            _ => return false,
        };
        (kernel, dilation) == ([3, 3], [1, 1])
            && padding.iter().all(|padding| *padding < 3)
            && cin.min(cout) >= least
            && cin * cout <= MOST[1]
    }

    /// Whether it is, although in f32, as fast as a plain convolution in bf16.
    pub fn is_as_fast_as_bf16(window: &Window, cin: usize, cout: usize) -> bool {
        Self::fits(window, cin, cout)
            && window.stride == [1, 1]
            && cin.min(cout) >= 32
            && cin * cout <= MOST[0]
    }

    /// Packs the transformed weights.
    pub fn new(layer: Layer) -> Self {
        let Layer { isa, window, weight, bias, lens, order, act } = layer;
        let (cin, cout) = (order.len(), bias.len());
        let (blocks, mut biases) = blocks(isa, bias);
        let padded = biases.len();
        let widest = blocks.iter().map(|block| block.room).max().unwrap_or(0);
        biases.resize(padded + widest, 0.0);
        let stride = window.stride[0];
        let (out, g) = match stride {
            1 if cin * cout <= MOST[0] => (4, &Four::G[..]),
            1 => (2, &Two::G[..]),
            _ => (2, &TwoApart::G[..]),
        };
        let mut weights = Lines::zeros(g.len() * g.len() * cin * padded);
        let mut points = vec![[0.0; SIDE_BY_SIDE]; g.len() * g.len()];
        for block in &blocks {
            for (i, channel) in order.iter().enumerate() {
                for first in (0..block.width).step_by(SIDE_BY_SIDE) {
                    let mut kernels = [[0.0; SIDE_BY_SIDE]; 9];
                    for out in first..block.width.min(first + SIDE_BY_SIDE) {
                        let kernel = &weight[((block.start + out) * cin + channel) * 9..][..9];
                        kernels
                            .iter_mut()
                            .zip(kernel)
                            .for_each(|(to, value)| to[out - first] = (*value).into());
                    }
                    weight_points(g, &kernels, &mut points);
                    for (point, values) in points.iter().enumerate() {
                        let place = point * cin * padded + block.padded * cin + i * block.room + first;
                        weights[place..][..SIDE_BY_SIDE].copy_from_slice(values);
                    }
                }
            }
        }
        let (padding, bias) = (window.padding, Lines::from(&biases[..]));
        Winograd {
            isa,
            stride,
            out,
            points: g.len() * g.len(),
            padding,
            lens,
            cin,
            cout,
            act,
            blocks,
            weights,
            bias,
            padded,
        }
    }

    /// That of the window.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Output channels.
    pub fn cout(&self) -> usize {
        self.cout
    }

    /// Input channels.
    pub fn cin(&self) -> usize {
        self.cin
    }

    /// Computes the target. The shortcut has as many channels as the output.
    pub fn run(&self, geometry: &Geometry, sources: &[Source], shortcut: Option<Source>, target: Target) {
        geometry.check(sources, &self.lens, shortcut.as_ref(), &target, self.cout);
        let [height, width] = geometry.output.map(|side| side.div_ceil(self.out));
        let tiles = geometry.batch * height * width;
        if tiles == 0 {
            return;
        }
        let job = Job {
            conv: self,
            geometry,
            sources,
            finish: Finish::new(self.act, shortcut, target),
            grid: [height, width],
        };
        let threads = rayon::current_num_threads();
        let per_tile = self.points * (self.cin + self.padded);
        let work = tiles * self.points * self.cin * self.padded;
        let chunks = tiles.div_ceil((NEAR / per_tile).max(28));
        if threads == 1 || chunks >= 2 * threads {
            let chunks = chunks.next_multiple_of(threads).min(tiles);
            tasks(chunks, work, |chunk| {
                let tiles = chunk * tiles / chunks..(chunk + 1) * tiles / chunks;
                with_room(|room| {
                    let room = Room::new(room, &job, tiles);
                    for stage in STAGES {
                        room.run(&job, stage, 0..stage.pieces(&room));
                    }
                });
            });
        } else {
            // Few tiles: all threads do a stage together.
            with_room(|room| {
                let room = Room::new(room, &job, 0..tiles);
                for stage in STAGES {
                    let pieces = stage.pieces(&room);
                    let groups = (4 * threads).min(pieces);
                    tasks(groups, work, |group| {
                        room.run(&job, stage, group * pieces / groups..(group + 1) * pieces / groups);
                    });
                }
            });
        }
    }
}

/// A call within the call, as rayon may make while it waits, finds an empty room.
fn with_room(work: impl FnOnce(&mut Lines)) {
    let mut room = ROOM.take();
    work(&mut room);
    ROOM.set(room);
}

/// One convolution of one map.
struct Job<'a> {
    conv: &'a Winograd,
    geometry: &'a Geometry,
    sources: &'a [Source<'a>],
    finish: Finish<'a>,
    /// Tiles down and across a picture.
    grid: [usize; 2],
}

const STAGES: [Stage; 3] = [Stage::Input, Stage::Products, Stage::Output];

/// What is done with some tiles, one after the other.
#[derive(Clone, Copy)]
enum Stage {
    Input,
    Products,
    Output,
}

impl Stage {
    /// What can be done at the same time: tiles, or points.
    fn pieces(self, room: &Room) -> usize {
        match self {
            Stage::Products => room.points,
            _ => room.tiles.len(),
        }
    }
}

/// Some tiles on their way: `[points, tiles, cin]` and `[points, tiles, padded]`, with some room behind each point.
struct Room {
    tiles: Range<usize>,
    points: usize,
    /// Numbers from point to point, of input and products.
    pitches: [usize; 2],
    input: Shared<f32>,
    products: Shared<f32>,
}

impl Room {
    fn new(room: &mut Lines, job: &Job, tiles: Range<usize>) -> Self {
        let points = job.conv.points;
        // An odd number of lines from point to point: the same places of the nearest cache are not used again so soon.
        let pitches = [job.conv.cin, job.conv.padded]
            .map(|channels| ((tiles.len() * channels).div_ceil(LINE) | 1) * LINE);
        let [input, products] = pitches.map(|pitch| points * pitch);
        room.reserve(input + products);
        let (input, products) = room.split_at_mut(input);
        Room { tiles, points, pitches, input: Shared::new(input), products: Shared::new(products) }
    }

    fn run(&self, job: &Job, stage: Stage, pieces: Range<usize>) {
        let part = Part { job, room: self, pieces };
        match stage {
            Stage::Input => dispatch!(job.conv.isa, run_input(&part): &Part),
            Stage::Products => dispatch!(job.conv.isa, run_products(&part): &Part),
            Stage::Output => dispatch!(job.conv.isa, run_output(&part): &Part),
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
    let mut copy = [0.0; MOST_IN * MOST_IN * 16];
    for tile in pieces.clone() {
        let (picture, corner) = job.tile(room.tiles.start + tile);
        let [top, left] = [0, 1].map(|axis| (corner[axis] * conv.stride).wrapping_sub(conv.padding[axis]));
        let inside = |first: usize, side: usize| first < side && first + IN <= side;
        let mut channel = tile * conv.cin;
        for source in job.sources {
            if inside(top, g.input[0]) && left < g.input[1] {
                let first = (picture * g.input[0] + top) * g.input[1] + left + IN;
                fetch::<IN>(source, first, [g.input[1], OUT * conv.stride]);
            }
            let mut c = 0;
            while c < source.len {
                let count = (source.len - c).min(S::LANES);
                // SAFETY: passed on; pixels are of the map, or of the copy.
                unsafe {
                    let to = room.input.ptr().add(channel);
                    if inside(top, g.input[0]) && inside(left, g.input[1]) {
                        let first = (picture * g.input[0] + top) * g.input[1] + left;
                        let from = source.data.as_ptr().add(first * source.pixel + source.first + c);
                        let steps = [g.input[1] * source.pixel, source.pixel];
                        input::<S, T, IN, OUT>(from, steps, count, to, pitch);
                    } else {
                        fill::<S, IN>(&mut copy, source, (picture, [top, left], g.input), (c, count));
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
    for pixel in (0..IN).flat_map(|y| first + y * width..first + y * width + count) {
        let from = source.data.as_ptr().wrapping_add(pixel * source.pixel + source.first);
        let mut at = 0;
        while at < source.len {
            prefetch(from.wrapping_add(at));
            at += LINE;
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
    (picture, [top, left], [height, width]): (usize, [usize; 2], [usize; 2]),
    (c, count): (usize, usize),
) {
    for (place, to) in copy.chunks_exact_mut(S::LANES).enumerate().take(IN * IN) {
        let [y, x] = [top.wrapping_add(place / IN), left.wrapping_add(place % IN)];
        // SAFETY: passed on; only pixels of the map are read.
        unsafe {
            let v = match y < height && x < width {
                true => {
                    let pixel = (picture * height + y) * width + x;
                    S::load_part(source.data.as_ptr().add(pixel * source.pixel + source.first + c), count)
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
            let segments = [Segment { from, step: conv.cin, count: conv.cin, row: 0 }];
            for block in &conv.blocks {
                let pixels = if block.vectors == 2 { size::<S, 2>(tiles) } else { size::<S, 1>(tiles) };
                let mut x = 0;
                while x < tiles {
                    let start = x.min(tiles - pixels);
                    let place = point * room.pitches[1] + start * conv.padded + block.padded;
                    let sums = Sums {
                        weight: conv.weights.as_ptr().add((point * conv.padded + block.padded) * conv.cin),
                        bias: conv.bias.as_ptr().add(conv.padded),
                        to: room.products.ptr().add(place),
                        pitch: conv.padded,
                    };
                    match block.vectors {
                        2 => tile::sums::<S, 2>(pixels, start, &segments, &sums),
                        _ => tile::sums::<S, 1>(pixels, start, &segments, &sums),
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
    let mut sums = [0.0f32; MOST_OUT * MOST_OUT * 16];
    let sums = &mut sums[..OUT * OUT * S::LANES];
    for tile in pieces.clone() {
        let (picture, [top, left]) = job.tile(room.tiles.start + tile);
        for block in &conv.blocks {
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
                        let pixel = (picture * height + top + y) * width + left;
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
    /// The picture of a tile, and where its output begins, down and across.
    fn tile(&self, tile: usize) -> (usize, [usize; 2]) {
        let [height, width] = self.grid;
        (tile / (height * width), [tile / width % height * self.conv.out, tile % width * self.conv.out])
    }
}
