//! Maximum over windows, and mean over a map.
#![allow(unsafe_code)] // calls loops that are compiled for more than the least processor

use super::Geometry;
use crate::kernels::Window;
use crate::kernels::isa::vectorised;
use crate::kernels::parallel::chunks_mut;

vectorised! {
    /// y = max(x, y) for pixels of so many channels, of which those of x lie `step` apart.
    fn greater<T: Copy>(_kind: T, x: &[f32], y: &mut [f32], channels: usize, step: usize) {
        for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks(step * channels)) {
            for (y, x) in y.iter_mut().zip(&x[..channels]) {
                // NaN stays.
                *y = if *x > *y || x.is_nan() { *x } else { *y };
            }
        }
    }
}

/// Channels whose sums are held at once.
const TOGETHER: usize = 64;

vectorised! {
    /// Sums of neighbouring channels: in blocks of pixels, so that long ones stay exact.
    fn sums<T: Copy>(_kind: T, x: &[f32], channels: usize, total: &mut [f64; TOGETHER]) {
        for block in x.chunks(64 * channels) {
            let mut some = [0.0f32; TOGETHER];
            for pixel in block.chunks(channels) {
                match pixel.first_chunk::<TOGETHER>() {
                    Some(pixel) => some.iter_mut().zip(pixel).for_each(|(some, x)| *some += x),
                    None => some.iter_mut().zip(pixel).for_each(|(some, x)| *some += x),
                }
            }
            for (total, some) in total.iter_mut().zip(some) {
                *total += f64::from(some);
            }
        }
    }
}

/// Every channel's mean over the pixels of each picture: `[batch, pixels, channels]` to `[batch, channels]`.
pub fn mean(x: &[f32], batch: usize, channels: usize, y: &mut [f32]) {
    let pixels = x.len() / (batch * channels).max(1);
    for (picture, y) in y.chunks_exact_mut(channels.max(1)).enumerate() {
        let x = &x[picture * pixels * channels..][..pixels * channels];
        chunks_mut(y, if x.len() < 1 << 16 { channels } else { TOGETHER }, |start, y| {
            for (i, y) in y.chunks_mut(TOGETHER).enumerate() {
                let mut total = [0.0; TOGETHER];
                sums((), &x[start + TOGETHER * i..], channels, &mut total);
                y.iter_mut().zip(total).for_each(|(y, total)| *y = (total / pixels as f64) as f32);
            }
        });
    }
}

/// The greatest of each window that is not in the border, by channel; maps are `[batch, height, width, channels]`.
pub fn max_pool(window: &Window, geometry: &Geometry, channels: usize, x: &[f32], y: &mut [f32]) {
    let Geometry { input, output, .. } = *geometry;
    let row = output[1] * channels;
    chunks_mut(y, row.max(1), |start, y| {
        let line = start / row.max(1);
        let (picture, oy) = (line / output[0], line % output[0]);
        y.fill(f32::NEG_INFINITY);
        for ky in 0..window.kernel[0] {
            let iy = (oy * window.stride[0] + ky * window.dilation[0]).wrapping_sub(window.padding[0]);
            if iy >= input[0] {
                continue;
            }
            let from = &x[(picture * input[0] + iy) * input[1] * channels..][..input[1] * channels];
            for kx in 0..window.kernel[1] {
                // Output pixels whose tap is on the map: from `first` on, which takes input pixel `begin`.
                let (stride, tap) = (window.stride[1], kx * window.dilation[1]);
                let first = window.padding[1].saturating_sub(tap).div_ceil(stride);
                let begin = (first * stride + tap).wrapping_sub(window.padding[1]);
                if first >= output[1] || begin >= input[1] {
                    continue;
                }
                let count = (input[1] - begin).div_ceil(stride).min(output[1] - first);
                let (x, y) = (&from[begin * channels..], &mut y[first * channels..][..count * channels]);
                match stride {
                    // Neighbours in the output are neighbours in the input.
                    1 => greater((), &x[..y.len()], y, y.len().max(1), 1),
                    _ => greater((), x, y, channels.max(1), stride),
                }
            }
        }
    });
}
