//! Channels from several places brought together.
#![allow(unsafe_code)] // reads and writes maps that others write

use super::Maps;
use std::ops::Range;

/// Rows of the sources side by side.
///
/// # Safety
/// The maps are checked; nobody else uses these rows, and nobody writes those that they need.
pub unsafe fn gather(maps: &Maps, rows: Range<usize>) {
    let Maps { sources, target, geometry, .. } = maps;
    let (first, count) = (rows.start * geometry.output[1], rows.len() * geometry.output[1]);
    // SAFETY: passed on.
    let y = unsafe { target.pixels(first, count) };
    let mut channel = target.first;
    for source in *sources {
        // SAFETY: passed on.
        let x = unsafe { source.pixels(first, count) }.chunks_exact(source.pixel);
        for (y, x) in y.chunks_exact_mut(target.pixel).zip(x) {
            y[channel..channel + source.len].copy_from_slice(&x[source.first..][..source.len]);
        }
        channel += source.len;
    }
}
