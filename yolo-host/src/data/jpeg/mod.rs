//! A JPEG decoder whose pixels equal those of libjpeg-turbo, with which OpenCV reads, to the bit.
//!
//! The standard leaves rounding to the decoder. With another one's rounding, boxes on the same photograph moved by
//! up to two pixels. This one does what libjpeg does by default (accurate integer IDCT, "fancy" upsampling) for
//! the kinds of JPEG that cameras and programs write: 8 bits, Huffman-coded, sequential or progressive, grey or
//! three colours.

mod blocks;
mod frame;
mod huffman;
mod rows;
mod scan;
mod segments;

/// The pixels of a JPEG, 3 bytes each, before any turn by its orientation.
///
/// Nothing for damaged files and for kinds that this decoder leaves to another: four colours, 12 bits, arithmetic
/// coding, rare subsampling. The caller has checked the size.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let (frame, colours) = segments::read(bytes)?;
    rows::rgb(frame, colours)
}
