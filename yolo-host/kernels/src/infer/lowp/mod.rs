//! Dense convolution of reduced precision: maps stay f32, what is read is converted once, while it is copied near; sums are
//! scaled, activated and stored as f32.
#![allow(unsafe_code)] // reads and writes through pointers

mod pack;
mod pack_input;
mod precision;
#[cfg(test)]
mod tests;

pub use precision::Format;

use crate::base::isa::Isa;
use crate::base::parallel::tasks;
use crate::base::simd::dot::{DotKernel, LowPrecisionDot};
use crate::base::simd::{Simd, dispatch};
use crate::infer::epilogue::Finish;
use crate::infer::row::{self, Line, Weights};
use crate::infer::{Geometry, Layer, Source, Target};
use crate::ops::Window;
use pack::Packed;
use pack_input::{Layout, NEAR, Near};
use std::ops::Range;
use yolo_plugin::Act;

/// Bytes of converted input that the first cache keeps beside weights …
const NEAR_BYTES: usize = 16 << 10;
/// … and the second one, where weights are too large for it.
const FAR_BYTES: usize = 256 << 10;
/// Bytes of weights that the second cache keeps beside the rest.
const LIGHT: usize = 384 << 10;

/// A convolution with its weights and bias, activation after it: y = act(w ∗ x + b), plus a shortcut.
#[derive(Debug)]
pub struct Narrow {
    format: Format,
    isa: Isa,
    window: Window,
    lens: Vec<usize>,
    cin: usize,
    cout: usize,
    act: Option<Act>,
    packed: Packed,
}

impl Narrow {
    /// Packs the weights; nothing for what this kernel does not compute: taps that lie apart, and whole numbers that could
    /// overflow.
    pub fn new(format: Format, layer: &Layer) -> Option<Self> {
        let isa = format.isa(layer.isa);
        let Layer { window, bias, lens, order, act, .. } = layer;
        if window.dilation != [1, 1] || order.is_empty() {
            return None;
        }
        let packed = Packed::new(format, &Layer { isa, ..layer.clone() })?;
        let (cin, cout) = (order.len(), bias.len());
        Some(Narrow { format, isa, window: *window, lens: lens.clone(), cin, cout, act: *act, packed })
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
        format!("conv {ky}x{kx}/{s} {}→{} {}", self.cin, self.cout, self.format.name())
    }

    fn pointwise(&self) -> bool {
        let Window { kernel, stride, padding, .. } = &self.window;
        (kernel, stride, padding) == (&[1, 1], &[1, 1], &[0, 0])
    }

    /// Computes the target. The shortcut has as many channels as the output.
    pub fn run(&self, geometry: &Geometry, sources: &[Source], shortcut: Option<Source>, target: Target) {
        let Geometry { batch, input, output } = *geometry;
        geometry.check(sources, &self.lens, shortcut.as_ref(), &target, self.cout);
        let (pixels_in, pixels) = (batch * input[0] * input[1], batch * output[0] * output[1]);
        if pixels == 0 {
            return;
        }
        let (weights, blocks) = (4 * self.packed.weights.len(), self.packed.blocks.len());
        let threads = rayon::current_num_threads();
        // The smaller of weights and input is what every task reads whole.
        let by_block = weights > pixels_in * self.cin * self.format.bytes() && blocks >= 2 * threads;
        let own = if by_block && threads > 1 { weights / (2 * threads) } else { weights };
        let near = if own > LIGHT { FAR_BYTES } else { NEAR_BYTES };
        let (width, band, layout) = self.lines(geometry, near, pixels);
        let lines = pixels.div_ceil(width);
        let groups = match (threads, by_block) {
            (1, _) => (1, 1),
            (_, true) => (1, 2 * threads),
            (_, false) => ((4 * threads).min(lines), 1),
        };
        let weights = Weights {
            weights: &self.packed.weights,
            depth: self.packed.depth,
            start: &self.packed.start,
            scale: &self.packed.scale,
            bias: &self.packed.bias,
            finish: Finish::new(self.act, shortcut, target),
        };
        let job = Job { conv: self, geometry, sources, weights, layout, band, width, pixels };
        tasks(groups.0 * groups.1, pixels * self.macs(), |task| {
            let part = |of: usize, groups: usize, i: usize| i * of / groups..(i + 1) * of / groups;
            let (line, block) = (task / groups.1, task % groups.1);
            let part = &Part {
                job: &job,
                lines: part(lines, groups.0, line),
                blocks: part(blocks, groups.1, block),
            };
            NEAR.with_borrow_mut(|near| {
                let task = Task { part, near };
                dispatch!(self.isa, run_task(task: Task));
            });
        });
    }

    /// Pixels of a line, lines that are converted together, and their layout, if so many bytes shall be near.
    fn lines(&self, geometry: &Geometry, near: usize, pixels: usize) -> (usize, usize, Layout) {
        let (pixel, steps) = (self.cin * self.format.bytes(), self.packed.steps);
        if self.pointwise() {
            let width = (near / pixel).clamp(28, 448).next_multiple_of(28).min(pixels);
            let words = (width * pixel).div_ceil(4) + 1;
            return (width, 1, Layout { cin: self.cin, steps, words, places: 1, reach: 0 });
        }
        let Window { kernel, stride, .. } = self.window;
        let width = geometry.output[1];
        let words = (((width - 1) * stride[1] + kernel[1]) * pixel).div_ceil(4) + 1;
        let rows = near / (4 * words);
        let band = (rows.saturating_sub(kernel[0]) / stride[0] + 1).min(geometry.output[0]);
        let places = (band - 1) * stride[0] + kernel[0];
        let reach = (kernel[1] * pixel).div_ceil(4) + 1;
        (width, band, Layout { cin: self.cin, steps, words, places, reach })
    }
}

/// One convolution of one map.
struct Job<'a> {
    conv: &'a Narrow,
    geometry: &'a Geometry,
    sources: &'a [Source<'a>],
    weights: Weights<'a>,
    layout: Layout,
    /// Lines that are converted together.
    band: usize,
    /// Pixels of a line, and of all.
    width: usize,
    pixels: usize,
}

/// What one task does of it.
struct Part<'a> {
    job: &'a Job<'a>,
    lines: Range<usize>,
    blocks: Range<usize>,
}

/// A part with its thread's buffer, to be computed by a dot product.
struct Task<'a> {
    part: &'a Part<'a>,
    near: &'a mut Near,
}

impl DotKernel for Task<'_> {
    #[inline(always)]
    unsafe fn run<D: LowPrecisionDot>(self) {
        // SAFETY: passed on.
        unsafe { run_part::<D>(self.part, self.near) }
    }
}

/// # Safety
/// The processor has the instructions, and those of the dot product; see [`run_part`].
#[inline(always)]
unsafe fn run_task<S: Simd>(task: Task) {
    // SAFETY: passed on.
    unsafe {
        match task.part.job.conv.format {
            Format::Bf16 => S::Bf16::enter(task),
            Format::Int8(_) => S::Int8::enter(task),
        }
    }
}

/// # Safety
/// The processor has the instructions; [`Narrow::run`] has checked the sizes; no other task writes these lines and blocks.
#[inline(always)]
unsafe fn run_part<K: LowPrecisionDot>(part: &Part, near: &mut Near) {
    let Part { job, lines, blocks } = part;
    let (conv, width) = (job.conv, job.width);
    let pointwise = conv.pointwise();
    let (each, height) =
        if pointwise { (1, usize::MAX) } else { (conv.window.kernel[0], job.geometry.output[0]) };
    near.begin::<K>(&job.layout);
    let mut line = lines.start;
    while line < lines.end {
        // Lines of one image.
        let band = job.band.min(lines.end - line).min(height - line % height);
        // SAFETY: passed on. No closures: they would not be compiled for the instructions.
        unsafe {
            if pointwise {
                let first = line * width;
                near.pixels::<K>(&job.layout, job.sources, (first, width.min(job.pixels - first)));
            } else {
                let lines = line..line + band;
                near.windows::<K>(&job.layout, &conv.window, job.geometry, job.sources, lines);
            }
            for block in conv.packed.blocks[blocks.clone()].chunks(1) {
                for i in 0..band {
                    let first = (line + i) * width;
                    let (segments, width) = (near.line(i, each), width.min(job.pixels - first));
                    row::run::<K>(&job.weights, block, Line { segments, first, width, far: false });
                }
            }
        }
        line += band;
    }
}
