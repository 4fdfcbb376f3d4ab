//! Which rows of the input lie packed in a buffer. Neighbouring output rows read mostly the same input rows: each row has its
//! slot in a ring, and stays there until another one needs it.

use super::map::Geometry;
use crate::ops::Window;

/// Marks a slot without a row.
const EMPTY: usize = usize::MAX;

/// The rows in the slots of a buffer, counted over all images.
#[derive(Debug)]
pub struct RowRing(Vec<usize>);

impl RowRing {
    /// A ring without slots.
    pub const fn new() -> Self {
        RowRing(vec![])
    }

    /// So many empty slots.
    pub fn reset(&mut self, slots: usize) {
        self.0.clear();
        self.0.resize(slots, EMPTY);
    }

    /// Empties all slots.
    pub fn clear(&mut self) {
        self.0.fill(EMPTY);
    }

    /// How many slots there are.
    pub fn slots(&self) -> usize {
        self.0.len()
    }

    /// The slot of a row, and whether the row has yet to be packed there.
    #[inline(always)]
    pub fn claim(&mut self, row: usize) -> (usize, bool) {
        let slot = row % self.0.len();
        (slot, std::mem::replace(&mut self.0[slot], row) != row)
    }
}

/// The input row that row `ky` of a window meets in an output row, both counted over all images; none in the border.
#[inline(always)]
pub fn input_row(window: &Window, geometry: &Geometry, output_row: usize, ky: usize) -> Option<usize> {
    let (image, y) = (output_row / geometry.output[0], output_row % geometry.output[0]);
    let iy = (y * window.stride[0] + ky * window.dilation[0]).wrapping_sub(window.padding[0]);
    (iy < geometry.input[0]).then(|| image * geometry.input[0] + iy)
}
