//! Max pooling.
#![allow(unsafe_code)] // `vectorised!` calls loops that are compiled for more than the baseline processor

use super::map::Geometry;
use crate::base::parallel::chunks_mut;
use crate::base::simd::vectorised;
use crate::ops::Window;

vectorised! {
    /// y = max(x, y) for pixels of so many channels, of x only every `step`th one.
    fn greater(x: &[f32], y: &mut [f32], channels: usize, step: usize) {
        for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks(step * channels)) {
            for (y, x) in y.iter_mut().zip(&x[..channels]) {
                // NaN is larger than all, as in PyTorch.
                *y = if *x > *y || x.is_nan() { *x } else { *y };
            }
        }
    }
}

/// The maximum of each window by channel, without the border; maps are `[batch, height, width, channels]`.
pub fn max_pool(window: &Window, geometry: &Geometry, channels: usize, x: &[f32], y: &mut [f32]) {
    let Geometry { input, output, .. } = *geometry;
    let row = output[1] * channels;
    chunks_mut(y, row.max(1), |start, y| {
        let output_row = start / row.max(1);
        let (image, oy) = (output_row / output[0], output_row % output[0]);
        y.fill(f32::NEG_INFINITY);
        for ky in 0..window.kernel[0] {
            let iy = (oy * window.stride[0] + ky * window.dilation[0]).wrapping_sub(window.padding[0]);
            if iy >= input[0] {
                continue;
            }
            let from = &x[(image * input[0] + iy) * input[1] * channels..][..input[1] * channels];
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
                    // Whole rows at once: neighbours in the output are neighbours in the input.
                    1 => greater(&x[..y.len()], y, y.len().max(1), 1),
                    _ => greater(x, y, channels.max(1), stride),
                }
            }
        }
    });
}
