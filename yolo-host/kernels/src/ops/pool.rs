//! Pooling over windows and over whole maps, forward and backward.
#![allow(unsafe_code)] // `vectorised!` calls loops that are compiled for more than the baseline processor

use crate::base::Float;
use crate::base::parallel::{chunks_mut, chunks_mut_2};
use crate::base::simd::vectorised;
use crate::ops::window::{Plan, Window};
use yolo_plugin::Pool;

/// A pooling window for one size of input.
#[derive(Clone, Debug)]
pub struct Pooling {
    kind: Pool,
    plan: Plan,
    channels: usize,
    elements: usize,
}

impl Pooling {
    /// Prepares a pooling window.
    pub fn new(
        kind: Pool,
        batch: usize,
        input: [usize; 2],
        output: [usize; 2],
        channels: usize,
        window: &Window,
    ) -> Self {
        let elements = window.kernel[0] * window.kernel[1];
        assert!(elements <= 1 << 16, "the window has at most 65,536 elements");
        Pooling { kind, plan: Plan::forward(batch, input, output, window), channels, elements }
    }

    /// Overwrites y, and for the maximum `argmax`: which element of the window it was, for each output.
    pub fn forward<T: Float>(&self, x: &[T], y: &mut [T], argmax: &mut Vec<u16>) {
        let per_image = self.plan.grid[0] * self.plan.grid[1] * self.channels;
        argmax.clear();
        if self.kind == Pool::Average {
            let share = T::one() / T::of(self.elements as f64);
            return chunks_mut(y, per_image.max(1), |start, y| self.average(x, y, start, share));
        }
        argmax.resize(y.len(), 0);
        let size = (self.plan.grid[1] * self.channels).max(1);
        chunks_mut_2((y, size), (argmax, size), |row, y, argmax| self.maximum(x, y, argmax, row * size));
    }

    fn pixels(&self, start: usize, len: usize) -> impl Iterator<Item = crate::ops::window::Pixel> {
        self.plan.walk(start / self.channels.max(1)).take(len / self.channels.max(1))
    }

    fn average<T: Float>(&self, x: &[T], y: &mut [T], start: usize, share: T) {
        let channels = self.channels;
        for (pixel, y) in self.pixels(start, y.len()).zip(y.chunks_exact_mut(channels)) {
            y.fill(T::zero());
            for tap in &self.plan.taps {
                if let Some(place) = pixel.source(tap, self.plan.src) {
                    let x = &x[place * channels..][..channels];
                    y.iter_mut().zip(x).for_each(|(y, x)| *y += *x * share);
                }
            }
        }
    }

    fn maximum<T: Float>(&self, x: &[T], y: &mut [T], argmax: &mut [u16], start: usize) {
        let channels = self.channels;
        let outputs = y.chunks_exact_mut(channels).zip(argmax.chunks_exact_mut(channels));
        for (pixel, (y, argmax)) in self.plan.walk(start / channels).zip(outputs) {
            y.fill(T::neg_infinity());
            for (i, tap) in self.plan.taps.iter().enumerate() {
                if let Some(place) = pixel.source(tap, self.plan.src) {
                    take_larger(&x[place * channels..][..channels], y, argmax, i as u16);
                }
            }
        }
    }

    /// Adds to the gradient of x.
    pub fn backward<T: Float>(&self, grad: &[T], argmax: &[u16], grad_x: &mut [T]) {
        let channels = self.channels;
        let per_image = self.plan.src[0] * self.plan.src[1] * channels;
        let outputs = self.plan.grid[0] * self.plan.grid[1];
        let share = T::one() / T::of(self.elements as f64);
        chunks_mut(grad_x, per_image.max(1), |start, grad_x| {
            let image = start / per_image.max(1);
            for pixel in self.plan.walk(image * outputs).take(outputs) {
                let g = &grad[pixel.dst * channels..][..channels];
                for (i, tap) in self.plan.taps.iter().enumerate() {
                    let Some(place) = pixel.source(tap, self.plan.src) else { continue };
                    let sum = &mut grad_x[place * channels - start..][..channels];
                    if self.kind == Pool::Average {
                        sum.iter_mut().zip(g).for_each(|(sum, g)| *sum += *g * share);
                    } else {
                        add_where(g, &argmax[pixel.dst * channels..][..channels], sum, i as u16);
                    }
                }
            }
        });
    }
}

/// Every channel's mean or maximum over the pixels of each image. Returns for the maximum which pixel it was.
pub fn global_forward<T: Float>(kind: Pool, x: &[T], batch: usize, channels: usize, y: &mut [T]) -> Vec<u32> {
    let pixels = x.len() / (batch * channels).max(1);
    let mut argmax = Vec::new();
    if kind == Pool::Max {
        argmax.resize(batch * channels, 0);
    }
    for (image, y) in y.chunks_exact_mut(channels.max(1)).enumerate() {
        let x = &x[image * pixels * channels..][..pixels * channels];
        if kind == Pool::Max {
            let argmax = &mut argmax[image * channels..][..channels];
            y.fill(T::neg_infinity());
            for (i, row) in x.chunks_exact(channels.max(1)).enumerate() {
                for c in 0..channels {
                    if (row[c] > y[c] || row[c].is_nan()) && !y[c].is_nan() {
                        (y[c], argmax[c]) = (row[c], i as u32);
                    }
                }
            }
        } else {
            mean(x, y);
        }
    }
    argmax
}

/// Channels whose sums are taken at once.
const BLOCK: usize = 64;

vectorised! {
    /// Sums of the first channels of each pixel, in blocks of pixels, whose sums are added in f64.
    fn sums<T: Float>(x: &[T], channels: usize, total: &mut [f64; BLOCK]) {
        for block in x.chunks(64 * channels) {
            let mut some = [T::zero(); BLOCK];
            for pixel in block.chunks(channels) {
                match pixel.first_chunk::<BLOCK>() {
                    Some(pixel) => some.iter_mut().zip(pixel).for_each(|(some, x)| *some += *x),
                    None => some.iter_mut().zip(pixel).for_each(|(some, x)| *some += *x),
                }
            }
            for (total, some) in total.iter_mut().zip(some) {
                *total += some.f64();
            }
        }
    }
}

/// Every channel's mean over the pixels `[pixels, channels]`.
fn mean<T: Float>(x: &[T], y: &mut [T]) {
    let channels = y.len();
    let pixels = x.len() / channels.max(1);
    chunks_mut(y, if x.len() < 1 << 16 { channels.max(1) } else { BLOCK }, |start, y| {
        for (i, y) in y.chunks_mut(BLOCK).enumerate() {
            let mut total = [0.0; BLOCK];
            sums(x.get(start + BLOCK * i..).unwrap_or_default(), channels, &mut total);
            y.iter_mut().zip(total).for_each(|(y, total)| *y = T::of(total / pixels as f64));
        }
    });
}

/// The gradient of [`global_forward`], which overwrites `grad_x`.
pub fn global_backward<T: Float>(
    argmax: &[u32],
    grad: &[T],
    batch: usize,
    channels: usize,
    grad_x: &mut [T],
) {
    let pixels = grad_x.len() / (batch * channels).max(1);
    let share = T::one() / T::of(pixels as f64);
    chunks_mut(grad_x, (pixels * channels).max(1), |start, grad_x| {
        let image = start / (pixels * channels).max(1);
        let g = &grad[image * channels..][..channels];
        for (i, row) in grad_x.chunks_exact_mut(channels).enumerate() {
            for c in 0..channels {
                row[c] = match argmax.get(image * channels + c) {
                    None => g[c] * share,
                    Some(place) if *place == i as u32 => g[c],
                    Some(_) => T::zero(),
                };
            }
        }
    });
}

vectorised! {
    /// Among equals the first is the maximum; NaN is larger than all, as in PyTorch.
    fn take_larger<T: Float>(x: &[T], y: &mut [T], argmax: &mut [u16], place: u16) {
        for ((y, argmax), x) in y.iter_mut().zip(argmax).zip(x) {
            let keep = *x <= *y || y.is_nan();
            *y = if keep { *y } else { *x };
            *argmax = if keep { *argmax } else { place };
        }
    }

    fn add_where<T: Float>(grad: &[T], argmax: &[u16], sum: &mut [T], place: u16) {
        for ((sum, g), at) in sum.iter_mut().zip(grad).zip(argmax) {
            *sum += if *at == place { *g } else { T::zero() };
        }
    }
}
