//! A raw output of a network: what executors give, what the loss and the decoding of boxes read.

use std::borrow::Cow;

/// One output map on the host: `[batch, ny, nx, channels]`. For Detect, channel `a · (5 + nc) + k` is value k of anchor a, as
/// the network computes it, before any sigmoid: x, y, w, h, objectness, the classes.
#[derive(Clone, Debug, PartialEq)]
pub struct RawMap<'a, T: Clone = f32> {
    /// The numbers, channels last; borrowed where the network is computed on the host.
    pub values: Cow<'a, [T]>,
    /// Images.
    pub batch: usize,
    /// Rows of cells.
    pub ny: usize,
    /// Cells in a row.
    pub nx: usize,
}

impl<'a, T: Clone> RawMap<'a, T> {
    /// A map of these numbers, `[batch, ny, nx, channels]`.
    pub fn new(values: impl Into<Cow<'a, [T]>>, [batch, ny, nx]: [usize; 3]) -> Self {
        RawMap { values: values.into(), batch, ny, nx }
    }

    /// The numbers of one image, `[ny, nx, channels]`; none where there is no such image.
    pub fn image(&self, image: usize) -> &[T] {
        let len = self.values.len() / self.batch.max(1);
        self.values.get(image * len..(image + 1) * len).unwrap_or_default()
    }
}
