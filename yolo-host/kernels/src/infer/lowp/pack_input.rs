//! What some lines of pixels read, converted once: pixels side by side, or rows of a map with the border around them.
#![allow(unsafe_code)] // stores through pointers

use crate::base::simd::Simd;
use crate::base::simd::dot::{LowPrecisionDot, QuantParams};
use crate::infer::microkernel::Segment;
use crate::infer::{Geometry, Source};
use crate::ops::Window;
use std::cell::RefCell;
use std::ops::Range;

thread_local! {
    /// That of this thread, kept so that no run needs new memory.
    pub static NEAR: RefCell<Near> = const { RefCell::new(Near::new()) };
}

/// No row.
const NONE: usize = usize::MAX;

/// Converted numbers: a window's row of zeros first, then rows, each in its place until another one needs it.
#[derive(Debug)]
pub struct Near {
    words: Vec<u32>,
    /// Which row, counted over all images, lies in each place.
    held: Vec<usize>,
    segments: Vec<Segment>,
}

/// Rows of a window's input.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Channels.
    pub cin: usize,
    /// How zeros and other numbers are converted.
    pub steps: QuantParams,
    /// Words of a row, with one behind it that tiles may read but not use.
    pub words: usize,
    /// Rows that are kept.
    pub places: usize,
    /// Words of a window's row, and of the zeros that stand for one.
    pub reach: usize,
}

impl Near {
    const fn new() -> Self {
        Near { words: vec![], held: vec![], segments: vec![] }
    }

    /// Before a map: room for all of it, and zeros.
    #[inline(always)]
    pub fn begin<K: LowPrecisionDot>(&mut self, layout: &Layout) {
        let needed = layout.reach + layout.places * layout.words;
        if self.words.len() < needed {
            self.words.resize(needed, 0);
        }
        // In whole numbers zero is the same for each of a word.
        let zero = layout.steps.zero_point as u32 & 0xff;
        self.words[..layout.reach].fill(if K::BYTES == 1 { zero * 0x0101_0101 } else { 0 });
        self.held.clear();
        self.held.resize(layout.places, NONE);
    }

    /// So many pixels from one on, as one segment.
    ///
    /// # Safety
    /// The processor has the instructions; the sources have the pixels, and one place has room for them.
    #[inline(always)]
    pub unsafe fn pixels<K: LowPrecisionDot>(
        &mut self,
        layout: &Layout,
        sources: &[Source],
        (first, count): (usize, usize),
    ) {
        let cin = layout.cin;
        let to = &mut self.words[layout.reach..][..layout.words];
        to[(count * cin * K::BYTES / 4).min(layout.words - 1)..].fill(0);
        let to = to.as_mut_ptr().cast::<u8>();
        // SAFETY: passed on.
        unsafe { convert::<K>(sources, (first, count), &layout.steps, to, cin) };
        self.segments.clear();
        let step = cin * K::BYTES;
        self.segments.push(Segment { from: to, step, count: step.div_ceil(4), row: 0 });
    }

    /// The windows of lines of one image, as many segments for each as the window has rows.
    ///
    /// # Safety
    /// The processor has the instructions; the sources have the map; there are places for all rows of the lines.
    #[inline(always)]
    pub unsafe fn windows<K: LowPrecisionDot>(
        &mut self,
        layout: &Layout,
        window: &Window,
        geometry: &Geometry,
        sources: &[Source],
        lines: Range<usize>,
    ) {
        let Window { kernel, stride, padding, .. } = *window;
        let Geometry { input, output, .. } = *geometry;
        let pixel = layout.cin * K::BYTES;
        let (step, count) = (stride[1] * pixel, (kernel[1] * pixel).div_ceil(4));
        self.segments.clear();
        for line in lines {
            let (image, y) = (line / output[0], line % output[0]);
            for ky in 0..kernel[0] {
                let iy = (y * stride[0] + ky).wrapping_sub(padding[0]);
                if iy >= input[0] {
                    let count = if K::SKIPS_ZEROS { 0 } else { count };
                    let from = self.words.as_ptr().cast();
                    self.segments.push(Segment { from, step: 0, count, row: ky * count });
                    continue;
                }
                let row = image * input[0] + iy;
                let place = row % layout.places;
                let to = &mut self.words[layout.reach + place * layout.words..][..layout.words];
                let from = to.as_ptr().cast();
                if std::mem::replace(&mut self.held[place], row) != row {
                    let width = ((output[1] - 1) * stride[1] + kernel[1]).min(padding[1] + input[1]);
                    let left = padding[1].min(width);
                    // Words that the converted pixels do not fill are zeros.
                    let zeros = self.words_of_zeros::<K>(layout);
                    let to = &mut self.words[layout.reach + place * layout.words..][..layout.words];
                    to[..(left * pixel).div_ceil(4).min(layout.words)].fill(zeros);
                    to[width * pixel / 4..].fill(zeros);
                    // SAFETY: passed on; the pixels between are within the row.
                    unsafe {
                        let to = to.as_mut_ptr().cast::<u8>().add(left * pixel);
                        let pixels = (row * input[1], width - left);
                        convert::<K>(sources, pixels, &layout.steps, to, layout.cin);
                    }
                }
                self.segments.push(Segment { from, step, count, row: ky * count });
            }
        }
    }

    /// Those of one of the lines, all of which have `each`.
    #[inline(always)]
    pub fn line(&self, line: usize, each: usize) -> &[Segment] {
        &self.segments[line * each..][..each]
    }

    #[inline(always)]
    fn words_of_zeros<K: LowPrecisionDot>(&self, layout: &Layout) -> u32 {
        if K::BYTES == 1 { (layout.steps.zero_point as u32 & 0xff) * 0x0101_0101 } else { 0 }
    }
}

/// The channels of all sources side by side, for neighbouring pixels.
///
/// # Safety
/// The processor has the instructions; the sources have the pixels, and `to` has room for them.
#[inline(always)]
unsafe fn convert<K: LowPrecisionDot>(
    sources: &[Source],
    (first, pixels): (usize, usize),
    steps: &QuantParams,
    to: *mut u8,
    cin: usize,
) {
    let mut channel = 0;
    for source in sources {
        let from = source.data[first * source.pixel..].as_ptr().wrapping_add(source.first);
        let to = to.wrapping_add(channel * K::BYTES);
        // SAFETY: passed on.
        unsafe {
            if source.len == source.pixel && sources.len() == 1 {
                run::<K>(from, pixels * cin, steps, to);
            } else {
                for pixel in 0..pixels {
                    let from = from.wrapping_add(pixel * source.pixel);
                    run::<K>(from, source.len, steps, to.wrapping_add(pixel * cin * K::BYTES));
                }
            }
        }
        channel += source.len;
    }
}

/// Numbers that lie side by side.
///
/// # Safety
/// As for [`convert`].
#[inline(always)]
unsafe fn run<K: LowPrecisionDot>(from: *const f32, len: usize, steps: &QuantParams, to: *mut u8) {
    let mut at = 0;
    // SAFETY: passed on.
    unsafe {
        while at + K::S::LANES <= len {
            K::convert(from.add(at), K::S::LANES, steps, to.add(at * K::BYTES));
            at += K::S::LANES;
        }
        if at < len {
            K::convert(from.add(at), len - at, steps, to.add(at * K::BYTES));
        }
    }
}
