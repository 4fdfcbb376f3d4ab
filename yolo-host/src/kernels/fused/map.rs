//! The maps that an operation reads and writes, of which other tasks may be writing other rows.
#![allow(unsafe_code)] // reads through pointers

use std::marker::PhantomData;

/// Channels of a map `[batch, height, width, pixel]` that an operation reads: `len` of them from `first` on.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    map: *const f32,
    size: usize,
    /// Channels of the map.
    pub pixel: usize,
    /// The first that is read.
    pub first: usize,
    /// How many are.
    pub len: usize,
    lives: PhantomData<&'a [f32]>,
}

/// Channels of a map that an operation writes.
#[derive(Debug)]
pub struct Target<'a> {
    map: *mut f32,
    size: usize,
    /// Channels of the map.
    pub pixel: usize,
    /// The first that is written.
    pub first: usize,
    lives: PhantomData<&'a mut [f32]>,
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

/// What an operation works on.
#[derive(Debug)]
pub struct Maps<'a> {
    /// Their sizes.
    pub geometry: Geometry,
    /// What is read.
    pub sources: &'a [Source<'a>],
    /// As many channels as are written, to be added to them.
    pub shortcut: Option<Source<'a>>,
    /// What is written.
    pub target: Target<'a>,
}

// SAFETY: only kernels read and write through the pointers: rows that nobody else uses at the same time.
unsafe impl Send for Source<'_> {}
unsafe impl Sync for Source<'_> {}
unsafe impl Send for Target<'_> {}
unsafe impl Sync for Target<'_> {}

impl<'a> Source<'a> {
    /// Channels of a whole map.
    pub fn new(map: &'a [f32], pixel: usize, first: usize, len: usize) -> Self {
        Source { map: map.as_ptr(), size: map.len(), pixel, first, len, lives: PhantomData }
    }

    /// The same of a map that others write.
    pub(super) fn shared((map, size): (*const f32, usize), pixel: usize, first: usize, len: usize) -> Self {
        Source { map, size, pixel, first, len, lives: PhantomData }
    }

    /// The channels of a pixel, counted over all pictures.
    #[inline(always)]
    pub(super) fn at(&self, pixel: usize) -> *const f32 {
        self.map.wrapping_add(pixel.wrapping_mul(self.pixel).wrapping_add(self.first))
    }

    /// Some pixels with all their channels.
    ///
    /// # Safety
    /// Nobody writes them as long as they are read.
    #[inline(always)]
    pub(super) unsafe fn pixels(&self, first: usize, count: usize) -> &'a [f32] {
        assert!((first + count) * self.pixel <= self.size, "pixels beyond the map");
        // SAFETY: of the map, and passed on.
        unsafe { std::slice::from_raw_parts(self.map.add(first * self.pixel), count * self.pixel) }
    }

    /// Whether the map has so many pixels, and the channels.
    fn holds(&self, pixels: usize) -> bool {
        self.first + self.len <= self.pixel && self.size >= pixels * self.pixel
    }

    /// Whether all channels are read.
    pub(super) fn whole(&self) -> bool {
        self.len == self.pixel
    }
}

impl<'a> Target<'a> {
    /// Channels of a whole map.
    pub fn new(map: &'a mut [f32], pixel: usize, first: usize) -> Self {
        Target { map: map.as_mut_ptr(), size: map.len(), pixel, first, lives: PhantomData }
    }

    /// The same of a map that others write too.
    pub(super) fn shared((map, size): (*mut f32, usize), pixel: usize, first: usize) -> Self {
        Target { map, size, pixel, first, lives: PhantomData }
    }

    /// Where the channels of a pixel, counted over all pictures, go.
    #[inline(always)]
    pub(super) fn at(&self, pixel: usize) -> *mut f32 {
        self.map.wrapping_add(pixel.wrapping_mul(self.pixel).wrapping_add(self.first))
    }

    /// Some pixels with all their channels.
    ///
    /// # Safety
    /// Nobody else uses them.
    #[inline(always)]
    pub(super) unsafe fn pixels(&self, first: usize, count: usize) -> &'a mut [f32] {
        assert!((first + count) * self.pixel <= self.size, "pixels beyond the map");
        // SAFETY: of the map, and passed on.
        unsafe { std::slice::from_raw_parts_mut(self.map.add(first * self.pixel), count * self.pixel) }
    }
}

impl Geometry {
    /// Pixels of all pictures, of the input and of the output.
    pub(super) fn pixels(&self) -> [usize; 2] {
        [self.input, self.output].map(|[h, w]| self.batch * h * w)
    }

    /// Rows of all pictures of the output.
    pub(super) fn lines(&self) -> usize {
        self.batch * self.output[0]
    }
}

impl Maps<'_> {
    /// What kernels rely on: sources of so many channels each, and of so many channels of output.
    pub(super) fn check(&self, lens: impl IntoIterator<Item = usize>, cout: usize) {
        let Maps { sources, shortcut, target, geometry } = self;
        let [pixels_in, pixels_out] = geometry.pixels();
        assert!(lens.into_iter().eq(sources.iter().map(|source| source.len)), "other channels");
        assert!(sources.iter().all(|source| source.holds(pixels_in)), "a source is too small");
        assert!(
            shortcut.is_none_or(|source| source.len == cout && source.holds(pixels_out)),
            "the shortcut is too small"
        );
        assert!(
            target.first + cout <= target.pixel && target.size >= pixels_out * target.pixel,
            "the target is too small"
        );
    }
}
