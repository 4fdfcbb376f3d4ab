//! What the Detect layer knows beside its maps.

/// Strides, anchors and classes of a model's Detect layer.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Pixels of the network's input for one cell, of each output.
    pub strides: &'a [f32],
    /// `[outputs, anchors, 2]`: width and height of each anchor, in cells of its output.
    pub anchors: &'a [f32],
    /// Number of classes.
    pub nc: usize,
    /// For each class that is given out, the network's own number of it; none if they are the same.
    pub classes: Option<&'a [usize]>,
}

impl<'a> Head<'a> {
    /// Values that one anchor gives: x, y, w, h, objectness and the classes.
    pub fn no(&self) -> usize {
        5 + self.nc
    }

    /// Anchors of each output.
    pub fn na(&self) -> usize {
        self.anchors.len() / 2 / self.strides.len().max(1)
    }

    /// Stride and anchors of each output.
    pub(super) fn outputs(&self) -> impl Iterator<Item = (f32, &'a [f32])> {
        self.strides.iter().copied().zip(self.anchors.chunks_exact((2 * self.na()).max(1)))
    }
}
