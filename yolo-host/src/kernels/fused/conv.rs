//! Dense convolution with packed weights.
#![allow(unsafe_code)] // reads and writes through pointers

use super::finish::activate;
use super::tile::{regular, scattered};
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
    /// What the window finds in the border.
    zeros: Vec<f32>,
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
        let zeros = vec![0.0; lens.iter().copied().max().unwrap_or(0)];
        Dense { isa, window, lens, cin, cout, act, blocks, weights, bias: biases, zeros }
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
            dispatch!(self.isa, run_part(&part): &Part);
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
unsafe fn run_part<S: Simd>(part: &Part) {
    let blocks = &part.job.conv.blocks[part.blocks.clone()];
    // SAFETY: passed on. No closures: they would not be compiled for the instructions.
    unsafe {
        if part.by_block {
            for block in blocks {
                for line in part.lines.clone() {
                    run_line::<S>(part.job, block, line);
                }
            }
        } else {
            for line in part.lines.clone() {
                for block in blocks {
                    run_line::<S>(part.job, block, line);
                }
            }
        }
    }
}

/// A line in tiles of the size that fits it best; the last reaches back over pixels that are done.
///
/// # Safety
/// As for [`run_part`].
#[inline(always)]
unsafe fn run_line<S: Simd>(job: &Job, block: &Block, line: usize) {
    let width = job.width.min(job.pixels - line * job.width);
    // SAFETY: passed on.
    unsafe {
        match (S::LANES, block.vectors) {
            (16, 2) => match best(width, &[14, 10, 6, 4, 2, 1]) {
                14 => tiles::<S, 14, 2>(job, block, line, width),
                10 => tiles::<S, 10, 2>(job, block, line, width),
                6 => tiles::<S, 6, 2>(job, block, line, width),
                4 => tiles::<S, 4, 2>(job, block, line, width),
                2 => tiles::<S, 2, 2>(job, block, line, width),
                _ => tiles::<S, 1, 2>(job, block, line, width),
            },
            (16, _) => match best(width, &[28, 20, 10, 4, 1]) {
                28 => tiles::<S, 28, 1>(job, block, line, width),
                20 => tiles::<S, 20, 1>(job, block, line, width),
                10 => tiles::<S, 10, 1>(job, block, line, width),
                4 => tiles::<S, 4, 1>(job, block, line, width),
                _ => tiles::<S, 1, 1>(job, block, line, width),
            },
            (_, 2) => match best(width, &[6, 5, 4, 2, 1]) {
                6 => tiles::<S, 6, 2>(job, block, line, width),
                5 => tiles::<S, 5, 2>(job, block, line, width),
                4 => tiles::<S, 4, 2>(job, block, line, width),
                2 => tiles::<S, 2, 2>(job, block, line, width),
                _ => tiles::<S, 1, 2>(job, block, line, width),
            },
            _ => match best(width, &[6, 5, 4, 2, 1]) {
                6 => tiles::<S, 6, 1>(job, block, line, width),
                5 => tiles::<S, 5, 1>(job, block, line, width),
                4 => tiles::<S, 4, 1>(job, block, line, width),
                2 => tiles::<S, 2, 1>(job, block, line, width),
                _ => tiles::<S, 1, 1>(job, block, line, width),
            },
        }
    }
}

/// The size, none above `width`, whose tiles cover a line with the fewest steps.
fn best(width: usize, sizes: &[usize]) -> usize {
    let fitting = sizes.iter().copied().filter(|size| *size <= width);
    fitting.min_by_key(|size| width.div_ceil(*size) * (size + 1)).unwrap_or(1)
}

/// # Safety
/// As for [`run_part`]; the line has at least P pixels.
#[inline(always)]
unsafe fn tiles<S: Simd, const P: usize, const N: usize>(
    job: &Job,
    block: &Block,
    line: usize,
    width: usize,
) {
    let mut x = 0;
    while x < width {
        // SAFETY: passed on.
        unsafe { tile::<S, P, N>(job, block, line, x.min(width - P)) };
        x += P;
    }
}

/// # Safety
/// As for [`run_part`]; pixels x to x + P are of the line.
#[inline(always)]
unsafe fn tile<S: Simd, const P: usize, const N: usize>(job: &Job, block: &Block, line: usize, x: usize) {
    let conv = job.conv;
    // SAFETY: passed on: all places are of the maps whose sizes are checked, and weights and bias were packed so.
    unsafe {
        let mut bias = [S::zero(); N];
        for (n, bias) in bias.iter_mut().enumerate() {
            *bias = S::load(conv.bias.as_ptr().add(block.bias + n * S::LANES));
        }
        let mut sums = [bias; P];
        let weights = conv.weights.as_ptr().add(block.weights);
        if job.pointwise {
            let mut row = weights;
            for source in job.sources {
                let from = source.data.as_ptr().add((line * job.width + x) * source.pixel + source.first);
                regular::<S, P, N>(&mut sums, from, source.pixel, source.len, row);
                row = row.add(source.len * N * S::LANES);
            }
        } else {
            windows::<S, P, N>(job, &mut sums, weights, line, x);
        }
        finish::<S, P, N>(job, block, &sums, line * job.width + x);
    }
}

/// # Safety
/// As for [`tile`].
#[inline(always)]
unsafe fn windows<S: Simd, const P: usize, const N: usize>(
    job: &Job,
    sums: &mut [[S::V; N]; P],
    weights: *const f32,
    line: usize,
    x: usize,
) {
    let (conv, Geometry { input, output, .. }) = (job.conv, *job.geometry);
    let Window { kernel, stride, padding, dilation } = conv.window;
    let (picture, y) = (line / output[0], line % output[0]);
    let left = (x * stride[1]) as isize - padding[1] as isize;
    let right = left + ((P - 1) * stride[1] + (kernel[1] - 1) * dilation[1]) as isize;
    let inside = left >= 0 && right < input[1] as isize;
    let tap_size = conv.cin * N * S::LANES;
    // SAFETY: passed on; what lies in the border is read from zeros.
    unsafe {
        for ky in 0..kernel[0] {
            let iy = (y * stride[0] + ky * dilation[0]) as isize - padding[0] as isize;
            if iy < 0 || iy >= input[0] as isize {
                continue;
            }
            let before = (picture * input[0] + iy as usize) * input[1];
            let mut row = weights.add(ky * kernel[1] * tap_size);
            if let ([source], true, 1) = (job.sources, inside, dilation[1])
                && source.len == source.pixel
            {
                // The taps of a row lie side by side.
                let from = source.data.as_ptr().add((before + left as usize) * source.pixel);
                regular::<S, P, N>(sums, from, stride[1] * source.pixel, kernel[1] * source.len, row);
                continue;
            }
            for kx in 0..kernel[1] {
                let ix = left + (kx * dilation[1]) as isize;
                for source in job.sources {
                    let start = source.data.as_ptr().add(source.first);
                    if inside {
                        let from = start.add((before + ix as usize) * source.pixel);
                        regular::<S, P, N>(sums, from, stride[1] * source.pixel, source.len, row);
                    } else {
                        let mut from = [conv.zeros.as_ptr(); P];
                        for (p, from) in from.iter_mut().enumerate() {
                            let ix = ix + (p * stride[1]) as isize;
                            if ix >= 0 && ix < input[1] as isize {
                                *from = start.add((before + ix as usize) * source.pixel);
                            }
                        }
                        scattered::<S, P, N>(sums, &from, source.len, row);
                    }
                    row = row.add(source.len * N * S::LANES);
                }
            }
        }
    }
}

/// # Safety
/// As for [`tile`]; `pixel` is the place of the first in the output.
#[inline(always)]
unsafe fn finish<S: Simd, const P: usize, const N: usize>(
    job: &Job,
    block: &Block,
    sums: &[[S::V; N]; P],
    pixel: usize,
) {
    // SAFETY: passed on; a tile has at most TILE numbers.
    unsafe {
        let mut room = std::mem::MaybeUninit::<[f32; TILE]>::uninit();
        let room = room.as_mut_ptr().cast::<f32>();
        for (p, sums) in sums.iter().enumerate() {
            for (n, sum) in sums.iter().enumerate() {
                S::store(room.add((p * N + n) * S::LANES), *sum);
            }
        }
        if let Some(act) = job.conv.act {
            activate(act, std::slice::from_raw_parts_mut(room, P * N * S::LANES));
        }
        for p in 0..P {
            let to = job.target.ptr().add((pixel + p) * job.pixel + job.first + block.start);
            for n in 0..N {
                let count = (block.width - n * S::LANES).min(S::LANES);
                let mut v = S::load(room.add((p * N + n) * S::LANES));
                if let Some(source) = &job.shortcut {
                    let first = (pixel + p) * source.pixel + source.first + block.start + n * S::LANES;
                    v = S::add(v, S::load_part(source.data.as_ptr().add(first), count));
                }
                S::store_part(to.add(n * S::LANES), v, count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::best;

    #[test]
    fn few_tiles_cover_a_line() {
        assert_eq!(best(20, &[14, 10, 6]), 10);
        assert_eq!(best(448, &[14, 10, 6]), 14);
        assert_eq!(best(3, &[14, 2, 1]), 2);
    }
}
