//! Images into a map: bytes to floats, and planes to channels-last.
#![allow(unsafe_code)] // `vectorised!` calls loops that are compiled for more than the baseline processor

use crate::base::parallel::chunks_mut;
use crate::base::simd::vectorised;
use crate::ops::strided::gather;

vectorised! {
    fn interleave<T: Copy>(red: &[T], green: &[T], blue: &[T], y: &mut [T]) {
        let planes = red.iter().zip(green).zip(blue);
        for (y, ((red, green), blue)) in y.as_chunks_mut::<3>().0.iter_mut().zip(planes) {
            *y = [*red, *green, *blue];
        }
    }

    fn normalise(bytes: &[u8], y: &mut [f32]) {
        for (y, byte) in y.iter_mut().zip(bytes) {
            *y = f32::from(*byte) / 255.0;
        }
    }
}

/// Bytes divided by 255, in their order.
pub fn from_bytes(bytes: &[u8], y: &mut [f32]) {
    chunks_mut(y, 1 << 14, |start, y| normalise(&bytes[start..], y));
}

/// `[batch, channels, pixels]` to `[batch, pixels, channels]`.
pub fn from_planes(planes: &[f32], [batch, channels, pixels]: [usize; 3], y: &mut [f32]) {
    if channels != 3 {
        return gather(planes, y, &[batch, pixels, channels], &[channels * pixels, 1, pixels]);
    }
    for (planes, y) in planes.chunks_exact(3 * pixels.max(1)).zip(y.chunks_exact_mut(3 * pixels.max(1))) {
        let ((red, rest), piece) = (planes.split_at(pixels), 1 << 12);
        let (green, blue) = rest.split_at(pixels);
        chunks_mut(y, 3 * piece, |start, y| {
            let some = start / 3..(start + y.len()) / 3;
            interleave(&red[some.clone()], &green[some.clone()], &blue[some], y);
        });
    }
}
