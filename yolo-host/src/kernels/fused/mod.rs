//! Kernels for inference: convolutions that read channels where they lie, apply the activation and add the shortcut while
//! the sums are in registers or in the nearest cache, and keep nothing for a gradient.

mod dense;
mod depthwise;
mod finish;
mod pool;
mod rows;
#[cfg(test)]
mod tests;
mod tile;

pub use dense::Dense;
pub use depthwise::Depthwise;
pub use pool::max_pool;

/// Channels of a map `[batch, height, width, pixel]` that an operation reads: `len` of them from `first` on.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The whole map.
    pub data: &'a [f32],
    /// Its channels.
    pub pixel: usize,
    /// The first that is read.
    pub first: usize,
    /// How many are.
    pub len: usize,
}

/// Channels of a map that an operation writes.
#[derive(Debug)]
pub struct Target<'a> {
    /// The whole map.
    pub data: &'a mut [f32],
    /// Its channels.
    pub pixel: usize,
    /// The first that is written.
    pub first: usize,
}

/// Batch, and height and width of input and output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Pictures.
    pub batch: usize,
    /// Height and width.
    pub input: [usize; 2],
    /// Height and width.
    pub output: [usize; 2],
}

impl Source<'_> {
    /// Whether the map has so many pixels, and the channels.
    fn holds(&self, pixels: usize) -> bool {
        self.first + self.len <= self.pixel && self.data.len() >= pixels * self.pixel
    }
}
