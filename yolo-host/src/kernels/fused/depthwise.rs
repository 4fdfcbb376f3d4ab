//! Depthwise convolution: every channel by itself, a vector of neighbouring channels at a time.
#![allow(unsafe_code)] // reads and writes through pointers

use super::finish::activate;
use super::{Geometry, Source, Target};
use crate::graph::Act;
use crate::kernels::Window;
use crate::kernels::isa::Isa;
use crate::kernels::parallel::{Shared, tasks};
use crate::kernels::simd::{Simd, dispatch};

/// A depthwise convolution with its weights and bias, activation after it.
#[derive(Debug)]
pub struct Depthwise {
    isa: Isa,
    window: Window,
    channels: usize,
    /// Channels padded to whole vectors.
    padded: usize,
    /// `[ky, kx, padded]`
    weights: Vec<f32>,
    /// `[padded]`
    bias: Vec<f32>,
    act: Option<Act>,
}

/// Pixels of a tile.
const PIXELS: usize = 8;

impl Depthwise {
    /// From a weight `[channels, ky, kx]` and a bias; `order` says which channel of the weight each of the source is.
    pub fn new(
        isa: Isa,
        window: Window,
        weight: &[f32],
        bias: &[f32],
        order: &[usize],
        act: Option<Act>,
    ) -> Self {
        let taps = window.kernel[0] * window.kernel[1];
        let (channels, padded) = (order.len(), order.len().next_multiple_of(16));
        let row = |tap: usize| {
            let numbers = order.iter().map(move |channel| weight[channel * taps + tap]);
            numbers.chain(std::iter::repeat_n(0.0, padded - channels))
        };
        let weights = (0..taps).flat_map(row).collect();
        let bias = order.iter().map(|channel| bias[*channel]);
        let bias = bias.chain(std::iter::repeat_n(0.0, padded - channels)).collect();
        Depthwise { isa, window, channels, padded, weights, bias, act }
    }

    /// Height of the window.
    pub fn kernel(&self) -> usize {
        self.window.kernel[0]
    }

    /// Multiply-adds of a pixel.
    pub fn macs(&self) -> usize {
        self.window.kernel[0] * self.window.kernel[1] * self.channels
    }

    /// Computes the target.
    pub fn run(&self, geometry: &Geometry, source: &Source, target: Target) {
        let Geometry { batch, input, output } = *geometry;
        let pixels = batch * output[0] * output[1];
        assert!(
            source.len == self.channels && source.holds(batch * input[0] * input[1]),
            "the source is too small"
        );
        assert!(
            target.first + self.channels <= target.pixel && target.data.len() >= pixels * target.pixel,
            "the target is too small"
        );
        let (pixel, first) = (target.pixel, target.first);
        let job = Job { kernel: self, geometry, source, target: Shared::new(target.data), pixel, first };
        let lines = batch * output[0];
        let threads = rayon::current_num_threads();
        let groups = if threads == 1 { 1 } else { (4 * threads).min(lines) };
        let work = pixels * self.channels * self.window.kernel[0] * self.window.kernel[1];
        tasks(groups, work, |task| {
            for line in task * lines / groups..(task + 1) * lines / groups {
                let part = (&job, line);
                dispatch!(self.isa, run_line(&part): &(&Job, usize));
            }
        });
    }
}

struct Job<'a> {
    kernel: &'a Depthwise,
    geometry: &'a Geometry,
    source: &'a Source<'a>,
    target: Shared<f32>,
    pixel: usize,
    first: usize,
}

/// # Safety
/// The processor has the instructions; [`Depthwise::run`] has checked the sizes; no other task writes this line.
#[inline(always)]
unsafe fn run_line<S: Simd>((job, line): &(&Job, usize)) {
    let (kernel, width) = (job.kernel, job.geometry.output[1]);
    let mut c = 0;
    while c < kernel.channels {
        let mut x = 0;
        // SAFETY: passed on.
        unsafe {
            while x + PIXELS <= width {
                tile::<S, PIXELS>(job, *line, x, c);
                x += PIXELS;
            }
            while x < width {
                tile::<S, 1>(job, *line, x, c);
                x += 1;
            }
        }
        c += S::LANES;
    }
}

/// # Safety
/// As for [`run_line`]; pixels x to x + P are of the line.
#[inline(always)]
unsafe fn tile<S: Simd, const P: usize>(job: &Job, line: usize, x: usize, c: usize) {
    let (kernel, source, Geometry { input, output, .. }) = (job.kernel, job.source, *job.geometry);
    let Window { kernel: [rows, columns], stride, padding, dilation } = kernel.window;
    let count = (kernel.channels - c).min(S::LANES);
    let (picture, y) = (line / output[0], line % output[0]);
    let left = (x * stride[1]) as isize - padding[1] as isize;
    // SAFETY: passed on; only pixels of the map are read.
    unsafe {
        let mut sums = [S::load(kernel.bias.as_ptr().add(c)); P];
        for ky in 0..rows {
            let iy = (y * stride[0] + ky * dilation[0]) as isize - padding[0] as isize;
            if iy < 0 || iy >= input[0] as isize {
                continue;
            }
            let before = (picture * input[0] + iy as usize) * input[1];
            let from = source.data.as_ptr().add(before * source.pixel + source.first + c);
            for kx in 0..columns {
                let w = S::load(kernel.weights.as_ptr().add((ky * columns + kx) * kernel.padded + c));
                let ix = left + (kx * dilation[1]) as isize;
                let right = ix + ((P - 1) * stride[1]) as isize;
                if ix >= 0 && right < input[1] as isize {
                    let mut from = from.add(ix as usize * source.pixel);
                    for sum in sums.iter_mut() {
                        let v = if count == S::LANES { S::load(from) } else { S::load_part(from, count) };
                        *sum = S::mul_add(v, w, *sum);
                        from = from.wrapping_add(stride[1] * source.pixel);
                    }
                } else {
                    for (p, sum) in sums.iter_mut().enumerate() {
                        let ix = ix + (p * stride[1]) as isize;
                        if ix >= 0 && ix < input[1] as isize {
                            let v = S::load_part(from.add(ix as usize * source.pixel), count);
                            *sum = S::mul_add(v, w, *sum);
                        }
                    }
                }
            }
        }
        let mut room = [0.0f32; PIXELS * 16];
        for (p, sum) in sums.iter().enumerate() {
            S::store(room.as_mut_ptr().add(p * S::LANES), *sum);
        }
        if let Some(act) = kernel.act {
            activate::<S>(act, &mut room[..P * S::LANES]);
        }
        for p in 0..P {
            let to = job.target.ptr().add((line * output[1] + x + p) * job.pixel + job.first + c);
            S::store_part(to, S::load(room.as_ptr().add(p * S::LANES)), count);
        }
    }
}
