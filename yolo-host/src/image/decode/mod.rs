//! From a file's bytes to pixels, as OpenCV's `imread` has them.

mod foreign;
mod jpeg2000;
pub(super) mod source;
mod tiff;

/// The most bytes that an image may take once decoded, 1 GiB; OpenCV refuses a few times as much.
pub const MAX_BYTES: u64 = 1 << 30;

/// The first three of every `channels` samples as bytes; of grey ones the first, three times.
fn gather<T: Copy>(samples: &[T], channels: usize, byte: impl Fn(T) -> u8) -> Vec<u8> {
    let (green, blue) = if channels < 3 { (0, 0) } else { (1, 2) };
    samples
        .chunks_exact(channels)
        .flat_map(|pixel| [byte(pixel[0]), byte(pixel[green]), byte(pixel[blue])])
        .collect()
}
