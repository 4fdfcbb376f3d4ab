//! Batch normalisation in training, with the activation behind it, forward and backward.
#![allow(unsafe_code)] // `vectorised!` calls loops that are compiled for more than the baseline processor

use crate::base::Float;
use crate::base::parallel::{chunks_mut, chunks_mut_2};
use crate::base::simd::vectorised;
use crate::ops::activation::{Curve, Identity, with_curve};
use yolo_plugin::Act;

/// Pixels of a chunk, whose sums are taken in the numbers' own precision; those of the chunks are added in double precision.
const ROWS: usize = 128;

/// Mean and biased variance of each channel, in double precision.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    /// Means.
    pub mean: Vec<f64>,
    /// Variances.
    pub var: Vec<f64>,
}

/// How channels are normalised: (x − mean) · scale + shift.
#[derive(Clone, Debug)]
pub struct Normal<T> {
    /// Means.
    pub mean: Vec<T>,
    /// Weight over deviation.
    pub scale: Vec<T>,
    /// Bias.
    pub shift: Vec<T>,
    /// 1 / √(variance + ε)
    pub inverse: Vec<T>,
}

impl<T: Float> Normal<T> {
    /// From statistics, ε, weight and bias.
    pub fn new(statistics: &Statistics, eps: f64, weight: &[T], bias: &[T]) -> Self {
        let inverse: Vec<f64> = statistics.var.iter().map(|var| 1.0 / (var + eps).sqrt()).collect();
        Normal {
            mean: statistics.mean.iter().map(|mean| T::of(*mean)).collect(),
            scale: inverse.iter().zip(weight).map(|(inverse, w)| T::of(inverse * w.f64())).collect(),
            shift: bias.to_vec(),
            inverse: inverse.into_iter().map(T::of).collect(),
        }
    }
}

impl<T> Normal<T> {
    /// Mean, scale and shift, as slices of one length.
    fn parts(&self) -> (&[T], &[T], &[T]) {
        let channels = self.mean.len();
        (&self.mean[..channels], &self.scale[..channels], &self.shift[..channels])
    }
}

/// The statistics of pixels of so many channels.
pub fn statistics<T: Float>(x: &[T], channels: usize) -> Statistics {
    let pixels = x.len() / channels.max(1);
    // Of each chunk the mean, and the squares around it: numerically stable in one pass over memory.
    let mut sums = vec![T::zero(); pixels.div_ceil(ROWS) * 2 * channels];
    let together = (16_384 / (ROWS * channels).max(1)).max(1);
    chunks_mut(&mut sums, (2 * channels * together).max(1), |start, sums| {
        for (i, sums) in sums.chunks_exact_mut(2 * channels).enumerate() {
            let (mean, squares) = sums.split_at_mut(channels);
            chunk_statistics(rows(x, start / (2 * channels) + i, channels), mean, squares);
        }
    });
    let mut total = Statistics { mean: vec![0.0; channels], var: vec![0.0; channels] };
    let mut before = 0.0;
    for (chunk, sums) in sums.chunks_exact(2 * channels.max(1)).enumerate() {
        let count = ROWS.min(pixels - chunk * ROWS) as f64;
        let all = before + count;
        for c in 0..channels {
            let delta = sums[c].f64() - total.mean[c];
            total.mean[c] += delta * count / all;
            total.var[c] += sums[channels + c].f64() + delta * delta * before * count / all;
        }
        before = all;
    }
    total.var.iter_mut().for_each(|var| *var /= before);
    total
}

/// The pixels of a chunk.
fn rows<T>(x: &[T], chunk: usize, channels: usize) -> &[T] {
    let start = chunk * ROWS * channels;
    &x[start..(start + ROWS * channels).min(x.len())]
}

/// y = act((x − mean) · scale + shift)
pub fn forward<T: Float>(x: &[T], normal: &Normal<T>, act: Option<Act>, y: &mut [T]) {
    match act {
        None => forward_curve(x, normal, Identity, y),
        Some(act) => with_curve!(act, curve => forward_curve(x, normal, curve, y)),
    }
}

fn forward_curve<T: Float>(x: &[T], normal: &Normal<T>, curve: impl Curve<T>, y: &mut [T]) {
    let (mean, scale, shift) = normal.parts();
    chunks_mut(y, piece(mean.len()), |start, y| normalise(&x[start..], y, mean, scale, shift, curve));
}

/// Numbers of one task: whole pixels of about 64 KiB of f32.
fn piece(channels: usize) -> usize {
    (16_384 / channels.max(1)).max(1) * channels.max(1)
}

/// Turns the gradient of the output into that of the input, in place, and returns those of weight and bias.
pub fn backward<T: Float>(x: &[T], normal: &Normal<T>, act: Option<Act>, grad: &mut [T]) -> (Vec<T>, Vec<T>) {
    match act {
        None => backward_curve(x, normal, Identity, grad),
        Some(act) => with_curve!(act, curve => backward_curve(x, normal, curve, grad)),
    }
}

fn backward_curve<T: Float>(
    x: &[T],
    normal: &Normal<T>,
    curve: impl Curve<T>,
    grad: &mut [T],
) -> (Vec<T>, Vec<T>) {
    let channels = normal.mean.len().max(1);
    let pixels = x.len() / channels;
    let (mean, scale, shift) = normal.parts();
    // The gradient through the activation, and of each chunk the sums of g and of g · (x − mean).
    let mut sums = vec![T::zero(); pixels.div_ceil(ROWS) * 2 * channels];
    chunks_mut_2((grad, ROWS * channels), (&mut sums, 2 * channels), |chunk, grad, sums| {
        let (plain, weighted) = sums.split_at_mut(channels);
        backward_activation(rows(x, chunk, channels), grad, mean, scale, shift, plain, weighted, curve);
    });
    let mut total = vec![0.0; 2 * channels];
    for sums in sums.chunks_exact(2 * channels) {
        for (total, sum) in total.iter_mut().zip(sums) {
            *total += sum.f64();
        }
    }
    let (plain, weighted) = total.split_at(channels);
    // dx = scale · (g − Σg / n − (x − mean) · inverse² · Σg(x − mean) / n)
    let count = pixels as f64;
    let offset: Vec<T> = plain.iter().map(|sum| T::of(sum / count)).collect();
    let squared = |inverse: &T| inverse.f64() * inverse.f64();
    let factor = weighted.iter().zip(&normal.inverse);
    let factor: Vec<T> = factor.map(|(sum, inverse)| T::of(sum * squared(inverse) / count)).collect();
    chunks_mut(grad, piece(channels), |start, grad| {
        backward_input(&x[start..], grad, mean, scale, &offset, &factor)
    });
    let weight =
        weighted.iter().zip(&normal.inverse).map(|(sum, inverse)| T::of(sum * inverse.f64())).collect();
    (weight, plain.iter().map(|sum| T::of(*sum)).collect())
}

vectorised! {
    /// Mean, and squares around it, of a chunk; both are zero before.
    fn chunk_statistics<T: Float>(x: &[T], mean: &mut [T], squares: &mut [T]) {
        let channels = mean.len();
        let squares = &mut squares[..channels];
        for row in x.chunks_exact(channels) {
            for c in 0..channels {
                mean[c] += row[c];
            }
        }
        let count = T::of((x.len() / channels) as f64);
        for mean in mean.iter_mut() {
            *mean /= count;
        }
        for row in x.chunks_exact(channels) {
            for c in 0..channels {
                squares[c] += (row[c] - mean[c]) * (row[c] - mean[c]);
            }
        }
    }

    fn normalise<T: Float, C: Curve<T>>(x: &[T], y: &mut [T], mean: &[T], scale: &[T], shift: &[T], curve: C) {
        let channels = mean.len();
        let (scale, shift) = (&scale[..channels], &shift[..channels]);
        for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            for c in 0..channels {
                y[c] = curve.at((x[c] - mean[c]) * scale[c] + shift[c]);
            }
        }
    }

    /// The gradient through the activation, in place, and its two sums.
    fn backward_activation<T: Float, C: Curve<T>>(
        x: &[T],
        grad: &mut [T],
        mean: &[T],
        scale: &[T],
        shift: &[T],
        plain: &mut [T],
        weighted: &mut [T],
        curve: C,
    ) {
        let channels = mean.len();
        let (scale, shift) = (&scale[..channels], &shift[..channels]);
        let (plain, weighted) = (&mut plain[..channels], &mut weighted[..channels]);
        for (g, x) in grad.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            for c in 0..channels {
                let centred = x[c] - mean[c];
                let grad = g[c] * curve.slope(centred * scale[c] + shift[c]);
                g[c] = grad;
                plain[c] += grad;
                weighted[c] += grad * centred;
            }
        }
    }

    fn backward_input<T: Float>(x: &[T], grad: &mut [T], mean: &[T], scale: &[T], offset: &[T], factor: &[T]) {
        let channels = mean.len();
        let (scale, offset, factor) = (&scale[..channels], &offset[..channels], &factor[..channels]);
        for (g, x) in grad.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            for c in 0..channels {
                g[c] = scale[c] * (g[c] - offset[c] - (x[c] - mean[c]) * factor[c]);
            }
        }
    }
}
