//! Rectangles, filled and framed; what lies outside the image is left out.

use std::ops::Range;

use crate::image::Image;

/// Fills the columns `x` of the rows `y`.
pub(super) fn fill(image: &mut Image, x: Range<isize>, y: Range<isize>, colour: [u8; 3]) {
    let columns = within(x, image.width);
    for row in within(y, image.height) {
        let pixels = &mut image.rgb.as_chunks_mut().0[row * image.width..];
        pixels[columns.clone()].fill(colour);
    }
}

/// Draws a frame, `line` pixels wide, whose outer edges are given.
pub(super) fn frame(image: &mut Image, x: Range<isize>, y: Range<isize>, line: isize, colour: [u8; 3]) {
    fill(image, x.clone(), y.start..y.start + line, colour);
    fill(image, x.clone(), y.end - line..y.end, colour);
    fill(image, x.start..x.start + line, y.clone(), colour);
    fill(image, x.end - line..x.end, y, colour);
}

/// The part of a range that lies in `0..size`.
fn within(range: Range<isize>, size: usize) -> Range<usize> {
    let held = |place: isize| place.clamp(0, size as isize) as usize;
    held(range.start)..held(range.end).max(held(range.start))
}
