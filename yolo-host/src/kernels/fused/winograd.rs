//! 3×3 convolution of stride 1 by F(4×4, 3×3): a tile of 4×4 outputs takes 36 products a channel instead of 144
//! (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308).

#![allow(unsafe_code)] // reads and writes through pointers

use super::finish::Finish;
use super::tile::{self, Segment, Sums, size};
use super::transform::{IN, OUT, POINTS, SIDE_BY_SIDE, input, output, weight_points};
use super::{Block, Geometry, Layer, Source, Target, blocks};
use crate::graph::Act;
use crate::kernels::Window;
use crate::kernels::isa::Isa;
use crate::kernels::parallel::{Shared, tasks};
use crate::kernels::simd::{Simd, dispatch};
use std::cell::Cell;
use std::ops::Range;

/// Numbers of transformed tiles that a thread keeps, so that they stay in its second cache.
const NEAR: usize = 160 << 10;

/// Pairs of channels, beyond which weights are too large.
const MOST: usize = 1 << 15;

thread_local! {
    /// Transformed input and products, kept so that no run needs new memory.
    static ROOM: Cell<Vec<f32>> = const { Cell::new(vec![]) };
}

/// Such a convolution with its weights and bias, activation after it.
#[derive(Debug)]
pub struct Winograd {
    isa: Isa,
    padding: [usize; 2],
    lens: Vec<usize>,
    cin: usize,
    cout: usize,
    act: Option<Act>,
    blocks: Vec<Block>,
    /// By point and block `[in, vectors]`.
    weights: Vec<f32>,
    /// Padded to whole vectors, by block; then as many zeros as a block has.
    bias: Vec<f32>,
    /// Channels of the output in whole vectors.
    padded: usize,
}

impl Winograd {
    /// Whether a convolution is of this kind, and has channels enough to gain by it, but not so many that its weights, four
    /// times those of the plain one, are most of the network's memory: 256 to 256 channels are 9.4 MB, and save 0.4 ms.
    pub fn fits(window: &Window, cin: usize, cout: usize) -> bool {
        let Window { kernel, stride, dilation, padding } = *window;
        (kernel, stride, dilation) == ([3, 3], [1, 1], [1, 1])
            && padding.iter().all(|padding| *padding < 3)
            && cin >= 16
            && cout >= 16
            && cin * cout <= MOST
    }

    /// Packs the transformed weights.
    pub fn new(layer: Layer) -> Self {
        let Layer { isa, window, weight, bias, lens, order, act } = layer;
        let (cin, cout) = (order.len(), bias.len());
        let (blocks, mut biases) = blocks(isa, bias);
        let padded = biases.len();
        let widest = blocks.iter().map(|block| block.room).max().unwrap_or(0);
        biases.resize(padded + widest, 0.0);
        let mut weights = vec![0.0; POINTS * cin * padded];
        let mut points = [[0.0; SIDE_BY_SIDE]; POINTS];
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
                    weight_points(&kernels, &mut points);
                    for (point, values) in points.iter().enumerate() {
                        let place = point * cin * padded + block.padded * cin + i * block.room + first;
                        weights[place..][..SIDE_BY_SIDE].copy_from_slice(values);
                    }
                }
            }
        }
        Winograd { isa, padding: window.padding, lens, cin, cout, act, blocks, weights, bias: biases, padded }
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
        let [height, width] = geometry.output.map(|side| side.div_ceil(OUT));
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
        let per_tile = POINTS * (self.cin + self.padded);
        let work = tiles * POINTS * self.cin * self.padded;
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
fn with_room(work: impl FnOnce(&mut Vec<f32>)) {
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
            Stage::Products => POINTS,
            _ => room.tiles.len(),
        }
    }
}

/// Some tiles on their way: `[points, tiles, cin]` and `[points, tiles, padded]`.
struct Room {
    tiles: Range<usize>,
    input: Shared<f32>,
    products: Shared<f32>,
}

impl Room {
    fn new(room: &mut Vec<f32>, job: &Job, tiles: Range<usize>) -> Self {
        let [input, products] =
            [job.conv.cin, job.conv.padded].map(|channels| POINTS * tiles.len() * channels);
        room.resize(room.len().max(input + products), 0.0);
        let (input, products) = room.split_at_mut(input);
        Room { tiles, input: Shared::new(input), products: Shared::new(products) }
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
    let Part { job, room, pieces } = part;
    let (conv, g) = (job.conv, job.geometry);
    let pitch = room.tiles.len() * conv.cin;
    const NOTHING: [f32; 16] = [0.0; 16];
    for tile in pieces.clone() {
        let (picture, corner) = job.tile(room.tiles.start + tile);
        let [top, left] = [0, 1].map(|axis| corner[axis] as isize - conv.padding[axis] as isize);
        let mut channel = tile * conv.cin;
        for source in job.sources {
            let mut c = 0;
            while c < source.len {
                let count = (source.len - c).min(S::LANES);
                let mut at = [[NOTHING.as_ptr(); IN]; IN];
                for (y, at) in at.iter_mut().enumerate() {
                    let iy = top + y as isize;
                    if iy < 0 || iy >= g.input[0] as isize {
                        continue;
                    }
                    let row = (picture * g.input[0] + iy as usize) * g.input[1];
                    for (x, at) in at.iter_mut().enumerate() {
                        let ix = left + x as isize;
                        if ix >= 0 && ix < g.input[1] as isize {
                            let pixel = row + ix as usize;
                            *at = source.data[pixel * source.pixel + source.first + c..].as_ptr();
                        }
                    }
                }
                // SAFETY: passed on; pixels are of the map, or zeros.
                unsafe { input::<S>(&at, count, room.input.ptr().add(channel), pitch) };
                channel += count;
                c += count;
            }
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
            let from = room.input.ptr().add(point * tiles * conv.cin);
            let segments = [Segment { from, step: conv.cin, count: conv.cin, row: 0 }];
            for block in &conv.blocks {
                let pixels = if block.vectors == 2 { size::<S, 2>(tiles) } else { size::<S, 1>(tiles) };
                let mut x = 0;
                while x < tiles {
                    let start = x.min(tiles - pixels);
                    let place = (point * tiles + start) * conv.padded + block.padded;
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
    let Part { job, room, pieces } = part;
    let (conv, [height, width]) = (job.conv, job.geometry.output);
    let mut sums = [0.0f32; OUT * OUT * 16];
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
                    let pitch = room.tiles.len() * conv.padded;
                    output::<S>(from, pitch, conv.bias.as_ptr().add(padded), sums.as_mut_ptr());
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
        (tile / (height * width), [tile / width % height * OUT, tile % width * OUT])
    }
}
