//! Dense convolution with packed weights.
#![allow(unsafe_code)] // reads and writes through pointers

use super::epilogue::Finish;
use super::pack_rows::{ROWS, Rows};
use super::row::{self, Line, Weights};
use super::{Block, Geometry, Layer, Source, Target, blocks};
use crate::base::aligned::Lines;
use crate::base::isa::Isa;
use crate::base::parallel::tasks;
use crate::base::simd::dot::F32Dot;
use crate::base::simd::{Simd, dispatch};
use crate::ops::Window;
use yolo_plugin::Act;

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
    /// By block `[ky, kx, in, room]`.
    weights: Lines,
    /// Padded to whole vectors, by block.
    bias: Lines,
}

/// Bytes of input that the pixels of one step should have, so that all blocks read them from the nearest cache.
const NEAR: usize = 24 << 10;

impl Dense {
    /// Packs the weights.
    pub fn new(layer: Layer) -> Self {
        let Layer { isa, window, weight, bias, lens, order, act } = layer;
        let (cout, cin) = (bias.len(), order.len());
        let taps = window.kernel[0] * window.kernel[1];
        let (blocks, biases) = blocks(isa, bias);
        let mut weights = Lines::zeros(taps * cin * biases.len());
        let mut rest = &mut weights[..];
        for Block { start, width, room, .. } in blocks.iter().copied() {
            for tap in 0..taps {
                for channel in order {
                    let (row, others) = rest.split_at_mut(room);
                    for (out, to) in row.iter_mut().enumerate().take(width) {
                        *to = weight[((start + out) * cin + channel) * taps + tap];
                    }
                    rest = others;
                }
            }
        }
        Dense { isa, window, lens, cin, cout, act, blocks, weights, bias: Lines::from(&biases[..]) }
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
        geometry.check(sources, &self.lens, shortcut.as_ref(), &target, self.cout);
        let (pixels_in, pixels_out) = (batch * input[0] * input[1], batch * output[0] * output[1]);
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
            weights: Weights {
                weights: &self.weights,
                depth,
                start: &self.bias,
                scale: &self.bias,
                bias: &self.bias,
                finish: Finish::new(self.act, shortcut, target),
            },
            pointwise: self.pointwise(),
            width,
            pixels: pixels_out,
        };
        tasks(groups.0 * groups.1, pixels_out * depth * self.cout, |task| {
            let part = |of: usize, groups: usize, i: usize| i * of / groups..(i + 1) * of / groups;
            let (line, block) = (task / groups.1, task % groups.1);
            let part = &Part {
                job: &job,
                lines: part(lines, groups.0, line),
                blocks: part(self.blocks.len(), groups.1, block),
                by_block,
            };
            ROWS.with_borrow_mut(|rows| dispatch!(self.isa, run_part(part: &Part, rows: &mut Rows)));
        });
    }
}

/// One convolution of one map.
struct Job<'a> {
    conv: &'a Dense,
    geometry: &'a Geometry,
    sources: &'a [Source<'a>],
    weights: Weights<'a>,
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
unsafe fn run_part<S: Simd>(part: &Part, rows: &mut Rows) {
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
            unsafe {
                let first = line * job.width;
                row::run::<F32Dot<S>>(
                    &job.weights,
                    blocks,
                    Line { segments, first, width, far: job.pointwise },
                );
            }
        }
    }
}
