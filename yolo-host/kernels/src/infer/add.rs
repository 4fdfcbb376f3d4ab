//! The sum of two maps, each of which may be made of channels of several.
#![allow(unsafe_code)] // `vectorised!` calls loops that are compiled for more than the baseline processor

use super::map::{Source, Target};
use crate::base::parallel::chunks_mut;
use crate::base::simd::vectorised;

vectorised! {
    fn add_pixels(parts: &[(Source, Source)], first: usize, pixel: usize, y: &mut [f32]) {
        for (i, y) in y.chunks_exact_mut(pixel).enumerate() {
            let mut rest = y;
            for (a, b) in parts {
                let (to, after) = rest.split_at_mut(a.len);
                let a = &a.data[(first + i) * a.pixel + a.first..][..to.len()];
                let b = &b.data[(first + i) * b.pixel + b.first..][..to.len()];
                for ((y, a), b) in to.iter_mut().zip(a).zip(b) {
                    *y = a + b;
                }
                rest = after;
            }
        }
    }
}

/// Overwrites a whole target with the sums of pairs of sources, whose channels follow each other.
pub fn add(parts: &[(Source, Source)], pixels: usize, target: Target) {
    let pixel = target.pixel;
    let len: usize = parts.iter().map(|(a, _)| a.len).sum();
    assert!(target.first == 0 && len == pixel && target.data.len() == pixels * pixel, "another target");
    let holds = parts.iter().all(|(a, b)| a.len == b.len && a.holds(pixels) && b.holds(pixels));
    assert!(holds, "a source is too small");
    if pixel == 0 {
        return;
    }
    let piece = ((1 << 14) / pixel).max(1);
    chunks_mut(target.data, piece * pixel, |start, y| add_pixels(parts, start / pixel, pixel, y));
}
