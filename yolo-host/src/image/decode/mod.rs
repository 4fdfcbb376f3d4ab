//! From a file's bytes to pixels, as OpenCV's `imread` has them.

mod foreign;
mod jpeg2000;
pub(super) mod source;
mod tiff;

/// The most bytes that an image may take once decoded, 1 GiB; OpenCV refuses a few times as much.
pub const MAX_BYTES: u64 = 1 << 30;
