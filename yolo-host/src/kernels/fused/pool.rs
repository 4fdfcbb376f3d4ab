//! Maximum over windows.
#![allow(unsafe_code)] // calls loops that are compiled for more than the least processor

use super::Geometry;
use crate::kernels::Window;
use crate::kernels::isa::vectorised;
use crate::kernels::parallel::chunks_mut;

vectorised! {
    fn greater<T: Copy>(_kind: T, x: &[f32], y: &mut [f32]) {
        for (y, x) in y.iter_mut().zip(x) {
            // NaN stays.
            *y = if *x > *y || x.is_nan() { *x } else { *y };
        }
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
                let at = |ox: usize| {
                    (ox * window.stride[1] + kx * window.dilation[1]).wrapping_sub(window.padding[1])
                };
                if window.stride[1] == 1 {
                    // Neighbours in the output are neighbours in the input.
                    let shift = (kx * window.dilation[1]) as isize - window.padding[1] as isize;
                    let first = (-shift).max(0) as usize;
                    let last = ((input[1] as isize - shift).max(0) as usize).min(output[1]);
                    if first < last {
                        let from = &from[(first as isize + shift) as usize * channels..];
                        greater(
                            (),
                            &from[..(last - first) * channels],
                            &mut y[first * channels..last * channels],
                        );
                    }
                    continue;
                }
                for ox in (0..output[1]).filter(|ox| at(*ox) < input[1]) {
                    greater((), &from[at(ox) * channels..][..channels], &mut y[ox * channels..][..channels]);
                }
            }
        }
    });
}
