//! Nearest-neighbour upsampling.

use super::map::Geometry;
use crate::base::parallel::chunks_mut;

/// Nearest-neighbour upsampling of `[batch, height, width, channels]`.
pub fn upsample(scale: usize, geometry: &Geometry, channels: usize, x: &[f32], y: &mut [f32]) {
    let (from, to) = (geometry.input[1] * channels, geometry.output[1] * channels);
    if from == 0 {
        return;
    }
    // A row of the input is `scale` rows of the output.
    chunks_mut(y, scale * to, |start, y| {
        let row = start / (scale * to);
        let (first, others) = y.split_at_mut(to);
        let x = x[row * from..][..from].chunks_exact(channels);
        for (y, x) in first.chunks_exact_mut(scale * channels).zip(x) {
            y.chunks_exact_mut(channels).for_each(|y| y.copy_from_slice(x));
        }
        others.chunks_exact_mut(to).for_each(|y| y.copy_from_slice(first));
    });
}
