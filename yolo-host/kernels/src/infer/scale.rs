//! A map times one number for each channel of an image, as in squeeze and excitation, with an activation behind it.
#![allow(unsafe_code)] // `vectorised!` calls loops that are compiled for more than the baseline processor

use crate::base::Float;
use crate::base::parallel::chunks_mut;
use crate::base::simd::vectorised;
use crate::ops::activation::{Curve, Identity, with_curve};
use yolo_plugin::Act;

type T = f32;

vectorised! {
    fn scale_pixels<C: Curve<f32>>(x: &[f32], scale: &[f32], curve: C, y: &mut [f32]) {
        let channels = scale.len();
        for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            for ((y, x), scale) in y.iter_mut().zip(x).zip(scale) {
                *y = curve.at(x * scale);
            }
        }
    }
}

/// y = act(x · scale) of `[batch, pixels, channels]` and `[batch, channels]`.
pub fn scale(x: &[f32], scale: &[f32], [batch, channels]: [usize; 2], act: Option<Act>, y: &mut [f32]) {
    let len = y.len() / batch.max(1);
    if len == 0 {
        return;
    }
    let piece = ((1 << 14) / channels).max(1) * channels;
    for (image, y) in y.chunks_exact_mut(len).enumerate() {
        let (x, scale) = (&x[image * len..][..len], &scale[image * channels..][..channels]);
        chunks_mut(y, piece, |start, y| match act {
            Some(act) => with_curve!(act, curve => scale_pixels(&x[start..], scale, curve, y)),
            None => scale_pixels(&x[start..], scale, Identity, y),
        });
    }
}
