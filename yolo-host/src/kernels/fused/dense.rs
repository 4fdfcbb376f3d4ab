//! Dense convolution with packed weights.
#![allow(unsafe_code)] // reads and writes through pointers

use super::finish::activate;
use super::rows::{ROWS, Rows};
use super::tile::{Segment, Sums, size};
use super::{Geometry, Source, Target};
use crate::graph::Act;
use crate::kernels::Window;
use crate::kernels::isa::Isa;
use crate::kernels::parallel::{Shared, tasks};
use crate::kernels::simd::{Simd, dispatch};

/// A convolution with its weights and bias, activation after it: y = act(w ∗ x + b), plus a shortcut.
#[derive(Debug)]
pub struct Dense {
    isa: Isa,
    window: Window,
    /// Channels of each source, and of all.
    lens: Vec<usize>,
    cin: usize,
    cout: usize,
    act: Option<Act>,
    blocks: Vec<Block>,
    /// By block `[ky, kx, in, vectors]`.
    weights: Vec<f32>,
    /// Padded to whole vectors, by block.
    bias: Vec<f32>,
}

/// Output channels that are computed together.
#[derive(Clone, Copy, Debug)]
struct Block {
    start: usize,
    width: usize,
    vectors: usize,
    weights: usize,
    bias: usize,
}

/// Bytes of input that the pixels of one step should have, so that all blocks read them from the nearest cache.
const NEAR: usize = 24 << 10;
/// Numbers of the largest tile.
const TILE: usize = 28 * 16;

impl Dense {
    /// From a weight `[cout, cin, ky, kx]` and a bias. Sources have `lens` channels; `order` says which input channel of the
    /// weight each of them is.
    pub fn new(
        isa: Isa,
        window: Window,
        weight: &[f32],
        bias: &[f32],
        lens: Vec<usize>,
        order: &[usize],
        act: Option<Act>,
    ) -> Self {
        let (lanes, most) = match isa {
            Isa::Avx512 => (16, 2),
            Isa::Avx2 => (8, 2),
            _ => (8, 1),
        };
        let (cout, cin) = (bias.len(), order.len());
        let taps = window.kernel[0] * window.kernel[1];
        let (mut blocks, mut biases) = (vec![], vec![]);
        let mut weights = Vec::with_capacity(taps * cin * cout.next_multiple_of(lanes));
        let mut start = 0;
        while start < cout {
            let vectors = (cout - start).div_ceil(lanes).min(most);
            let width = (cout - start).min(vectors * lanes);
            blocks.push(Block { start, width, vectors, weights: weights.len(), bias: biases.len() });
            for tap in 0..taps {
                for channel in order {
                    let at = |out: usize| weight[((start + out) * cin + channel) * taps + tap];
                    weights.extend((0..vectors * lanes).map(|out| if out < width { at(out) } else { 0.0 }));
                }
            }
            biases.extend((0..vectors * lanes).map(|out| if out < width { bias[start + out] } else { 0.0 }));
            start += width;
        }
        Dense { isa, window, lens, cin, cout, act, blocks, weights, bias: biases }
    }

    /// Output channels.
    pub fn cout(&self) -> usize {
        self.cout
    }

    /// Multiply-adds of a pixel.
    pub fn macs(&self) -> usize {
        self.window.kernel[0] * self.window.kernel[1] * self.cin * self.cout
    }

    /// Sizes in a few words.
    pub fn describe(&self) -> String {
        let Window { kernel: [ky, kx], stride: [s, _], .. } = self.window;
        format!("conv {ky}x{kx}/{s} {}→{}", self.cin, self.cout)
    }

    fn pointwise(&self) -> bool {
        let Window { kernel, stride, padding, .. } = &self.window;
        (kernel, stride, padding) == (&[1, 1], &[1, 1], &[0, 0])
    }

    /// Computes the target. The shortcut has as many channels as the output.
    pub fn run(&self, geometry: &Geometry, sources: &[Source], shortcut: Option<Source>, target: Target) {
        let Geometry { batch, input, output } = *geometry;
        let (pixels_in, pixels_out) = (batch * input[0] * input[1], batch * output[0] * output[1]);
        assert!(sources.iter().map(|source| source.len).eq(self.lens.iter().copied()), "other channels");
        assert!(sources.iter().all(|source| source.holds(pixels_in)), "a source is too small");
        assert!(
            shortcut.is_none_or(|source| source.len == self.cout && source.holds(pixels_out)),
            "the shortcut is too small"
        );
        assert!(
            target.first + self.cout <= target.pixel && target.data.len() >= pixels_out * target.pixel,
            "the target is too small"
        );
        if pixels_out == 0 {
            return;
        }
        // Pixels in lines: those of the output, or as many as have their input near.
        let width = match self.pointwise() {
            true => (NEAR / 4 / self.cin.max(1)).clamp(28, 448).next_multiple_of(28).min(pixels_out),
            false => output[1],
        };
        let lines = pixels_out.div_ceil(width);
        let threads = rayon::current_num_threads();
        // The smaller of weights and input is what every task reads whole.
        let by_block = self.weights.len() > pixels_in * self.cin && self.blocks.len() >= threads;
        let groups = match by_block {
            true => (if self.blocks.len() >= 4 * threads { 1 } else { 2 }, self.blocks.len()),
            false => (4 * threads, 1),
        };
        let groups = if threads == 1 { (1, 1) } else { (groups.0.min(lines), groups.1) };
        let depth = self.window.kernel[0] * self.window.kernel[1] * self.cin;
        let job = Job {
            conv: self,
            geometry,
            sources,
            shortcut,
            pixel: target.pixel,
            first: target.first,
            target: Shared::new(target.data),
            pointwise: self.pointwise(),
            width,
            pixels: pixels_out,
        };
        tasks(groups.0 * groups.1, pixels_out * depth * self.cout, |task| {
            let part = |of: usize, groups: usize, i: usize| i * of / groups..(i + 1) * of / groups;
            let (line, block) = (task / groups.1, task % groups.1);
            let part = Part {
                job: &job,
                lines: part(lines, groups.0, line),
                blocks: part(self.blocks.len(), groups.1, block),
                by_block,
            };
            ROWS.with_borrow_mut(|rows| dispatch!(self.isa, run_part((&part, rows)): (&Part, &mut Rows)));
        });
    }
}

/// One convolution of one map.
struct Job<'a> {
    conv: &'a Dense,
    geometry: &'a Geometry,
    sources: &'a [Source<'a>],
    shortcut: Option<Source<'a>>,
    target: Shared<f32>,
    pixel: usize,
    first: usize,
    pointwise: bool,
    /// Pixels of a line, and of all.
    width: usize,
    pixels: usize,
}

/// What one task does of it.
struct Part<'a> {
    job: &'a Job<'a>,
    lines: std::ops::Range<usize>,
    blocks: std::ops::Range<usize>,
    by_block: bool,
}

/// # Safety
/// The processor has the instructions; [`Dense::run`] has checked the sizes; no other task writes these lines and blocks.
#[inline(always)]
unsafe fn run_part<S: Simd>((part, rows): (&Part, &mut Rows)) {
    let (job, blocks) = (part.job, &part.job.conv.blocks[part.blocks.clone()]);
    // All blocks of a line while its input is near, or all lines of a block while its weights are.
    let rounds = if part.by_block { blocks.len() } else { 1 };
    for round in 0..rounds {
        let blocks = if part.by_block { &blocks[round..round + 1] } else { blocks };
        rows.forget();
        for line in part.lines.clone() {
            let segments = match job.pointwise {
                true => rows.pixels(job.sources, line * job.width),
                false => rows.windows(&job.conv.window, job.geometry, job.sources, line),
            };
            let width = job.width.min(job.pixels - line * job.width);
            // SAFETY: passed on. No closures: they would not be compiled for the instructions.
            unsafe { run_line::<S>(job, blocks, segments, line * job.width, width) };
        }
    }
}

/// All tiles of a line with each of some blocks; the last tile reaches back over pixels that are done.
///
/// # Safety
/// As for [`run_part`]; the line begins with output pixel `first`.
#[inline(always)]
unsafe fn run_line<S: Simd>(job: &Job, blocks: &[Block], segments: &[Segment], first: usize, width: usize) {
    for block in blocks {
        let pixels = if block.vectors == 2 { size::<S, 2>(width) } else { size::<S, 1>(width) };
        let mut x = 0;
        while x < width {
            let start = x.min(width - pixels);
            // SAFETY: passed on: all places are of the maps whose sizes are checked, and weights and bias were packed so.
            unsafe {
                match block.vectors {
                    2 => tile::<S, 2>(job, block, segments, (first, start, pixels)),
                    _ => tile::<S, 1>(job, block, segments, (first, start, pixels)),
                }
            }
            x += pixels;
        }
    }
}

/// # Safety
/// As for [`run_line`].
#[inline(always)]
unsafe fn tile<S: Simd, const N: usize>(
    job: &Job,
    block: &Block,
    segments: &[Segment],
    (first, x, pixels): (usize, usize, usize),
) {
    let mut room = std::mem::MaybeUninit::<[f32; TILE]>::uninit();
    let room = room.as_mut_ptr().cast::<f32>();
    // SAFETY: passed on; a tile has at most TILE numbers.
    unsafe {
        let sums = Sums {
            weight: job.conv.weights.as_ptr().add(block.weights),
            bias: job.conv.bias.as_ptr().add(block.bias),
            to: room,
            pitch: N * S::LANES,
        };
        super::tile::sums::<S, N>(pixels, x, segments, &sums);
        let room = std::slice::from_raw_parts_mut(room, pixels * N * S::LANES);
        finish::<S>(job, block, room, first + x);
    }
}

/// # Safety
/// As for [`tile`]; `room` has whole vectors for each pixel, from `first` on.
#[inline(always)]
unsafe fn finish<S: Simd>(job: &Job, block: &Block, room: &mut [f32], first: usize) {
    if let Some(act) = job.conv.act {
        activate(act, room);
    }
    for (p, sums) in room.chunks_exact(block.vectors * S::LANES).enumerate() {
        // SAFETY: passed on.
        unsafe {
            let to = job.target.ptr().add((first + p) * job.pixel + job.first + block.start);
            for n in 0..block.vectors {
                let count = (block.width - n * S::LANES).min(S::LANES);
                let mut v = S::load(sums.as_ptr().add(n * S::LANES));
                if let Some(source) = &job.shortcut {
                    let from = (first + p) * source.pixel + source.first + block.start + n * S::LANES;
                    v = S::add(v, S::load_part(source.data.as_ptr().add(from), count));
                }
                S::store_part(to.add(n * S::LANES), v, count);
            }
        }
    }
}
