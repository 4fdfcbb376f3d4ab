//! What kernels read and write: some channels of maps `[batch, height, width, channels]`.

/// Channels of a map that an operation reads: `len` of them from `first` on.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The whole map.
    pub data: &'a [f32],
    /// Channels of the map, and so floats from pixel to pixel.
    pub pixel: usize,
    /// The first channel that is read.
    pub first: usize,
    /// How many channels are read.
    pub len: usize,
}

impl Source<'_> {
    /// Whether the map has so many pixels, and the channels.
    pub(super) fn holds(&self, pixels: usize) -> bool {
        self.first + self.len <= self.pixel && self.data.len() >= pixels * self.pixel
    }
}

/// Channels of a map that an operation writes.
#[derive(Debug)]
pub struct Target<'a> {
    /// The whole map.
    pub data: &'a mut [f32],
    /// Channels of the map, and so floats from pixel to pixel.
    pub pixel: usize,
    /// The first channel that is written.
    pub first: usize,
}

/// Batch, and height and width of input and output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Images.
    pub batch: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
}

impl Geometry {
    /// Checks what the pointers of a convolution rely on: that the maps have the pixels and the channels.
    ///
    /// # Panics
    /// Where they do not.
    pub(super) fn check(
        &self,
        sources: &[Source],
        lens: &[usize],
        shortcut: Option<&Source>,
        target: &Target,
        cout: usize,
    ) {
        let [pixels_in, pixels_out] = [self.input, self.output].map(|[h, w]| self.batch * h * w);
        assert!(sources.iter().map(|source| source.len).eq(lens.iter().copied()), "other channels");
        assert!(sources.iter().all(|source| source.holds(pixels_in)), "a source is too small");
        assert!(
            shortcut.is_none_or(|source| source.len == cout && source.holds(pixels_out)),
            "the shortcut is too small"
        );
        assert!(
            target.first + cout <= target.pixel && target.data.len() >= pixels_out * target.pixel,
            "the target is too small"
        );
    }
}
