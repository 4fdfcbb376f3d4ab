//! The input of some rows of output pixels, converted to bf16 or int8 while it is packed into a buffer that the first-level
//! cache holds: pixels side by side, or rows of a map with their border.
#![allow(unsafe_code)] // stores through pointers

use crate::base::simd::Simd;
use crate::base::simd::dot::{LowPrecisionDot, QuantParams};
use crate::infer::map::{Geometry, Source};
use crate::infer::microkernel::Segment;
use crate::infer::row_ring::{RowRing, input_row};
use crate::ops::Window;
use std::cell::RefCell;
use std::ops::Range;

thread_local! {
    /// That of this thread, which every convolution uses again.
    pub static PACKED_INPUT: RefCell<PackedInput> = const { RefCell::new(PackedInput::new()) };
}

/// Converted input in words of four bytes: first a window's row of zeros, which stands for every row in the border, then the
/// slots of rows.
#[derive(Debug)]
pub struct PackedInput {
    words: Vec<u32>,
    ring: RowRing,
    segments: Vec<Segment>,
}

/// How rows lie in the buffer.
#[derive(Clone, Copy, Debug)]
pub struct InputLayout {
    /// Channels.
    pub cin: usize,
    /// How the input is converted.
    pub params: QuantParams,
    /// Words of a row, with as many behind it as a dot product takes, which tiles may read but not use.
    pub row: usize,
    /// Rows that are kept.
    pub slots: usize,
    /// Words of a window's row, and of the zeros that stand for one.
    pub zeros: usize,
}

impl InputLayout {
    /// A word of zeros: in int8, zero is the zero point, the same in each byte.
    #[inline(always)]
    fn zero<D: LowPrecisionDot>(&self) -> u32 {
        if D::BYTES == 1 { ((self.params.zero_point - D::OFFSET) as u32 & 0xff) * 0x0101_0101 } else { 0 }
    }
}

impl PackedInput {
    const fn new() -> Self {
        PackedInput { words: vec![], ring: RowRing::new(), segments: vec![] }
    }

    /// Prepares for a map: memory for the layout, the row of zeros, and no packed rows.
    #[inline(always)]
    pub fn begin<D: LowPrecisionDot>(&mut self, layout: &InputLayout) {
        let needed = layout.zeros + layout.slots * layout.row;
        if self.words.len() < needed {
            self.words.resize(needed, 0);
        }
        self.words[..layout.zeros].fill(layout.zero::<D>());
        self.ring.reset(layout.slots);
    }

    /// Packs so many pixels from one on, as one segment.
    ///
    /// # Safety
    /// The processor has the instructions; the sources have the pixels, and a slot has space for them.
    #[inline(always)]
    pub unsafe fn pixels<D: LowPrecisionDot>(
        &mut self,
        layout: &InputLayout,
        sources: &[Source],
        (first, count): (usize, usize),
    ) {
        let cin = layout.cin;
        let to = &mut self.words[layout.zeros..][..layout.row];
        to[(count * cin * D::BYTES / 4).min(layout.row - 1)..].fill(0);
        let to = to.as_mut_ptr().cast::<u8>();
        // SAFETY: passed on.
        unsafe { convert::<D>(sources, (first, count), &layout.params, to, cin) };
        self.segments.clear();
        let step = cin * D::BYTES;
        self.segments.push(Segment { from: to, step, count: words::<D>(step), row: 0 });
    }

    /// Packs the windows of output rows of one image: for each as many segments as the window has rows.
    ///
    /// # Safety
    /// The processor has the instructions; the sources have the map; there are slots for all input rows that are met.
    #[inline(always)]
    pub unsafe fn windows<D: LowPrecisionDot>(
        &mut self,
        layout: &InputLayout,
        window: &Window,
        geometry: &Geometry,
        sources: &[Source],
        output_rows: Range<usize>,
    ) {
        let Window { kernel, stride, padding, .. } = *window;
        let Geometry { input, output, .. } = *geometry;
        let pixel = layout.cin * D::BYTES;
        let (step, count) = (stride[1] * pixel, words::<D>(kernel[1] * pixel));
        self.segments.clear();
        for output_row in output_rows {
            for ky in 0..kernel[0] {
                let Some(row) = input_row(window, geometry, output_row, ky) else {
                    let count = if D::SKIPS_ZEROS { 0 } else { count };
                    let from = self.words.as_ptr().cast();
                    self.segments.push(Segment { from, step: 0, count, row: ky * count });
                    continue;
                };
                let (slot, fresh) = self.ring.claim(row);
                let to = &mut self.words[layout.zeros + slot * layout.row..][..layout.row];
                let from = to.as_ptr().cast();
                if fresh {
                    let width = ((output[1] - 1) * stride[1] + kernel[1]).min(padding[1] + input[1]);
                    let left = padding[1].min(width);
                    // Zeros on both sides first, in whole words: the pixels overwrite what they share with them.
                    let zero = layout.zero::<D>();
                    to[..(left * pixel).div_ceil(4).min(layout.row)].fill(zero);
                    to[width * pixel / 4..].fill(zero);
                    // SAFETY: passed on; the pixels between are within the row.
                    unsafe {
                        let to = to.as_mut_ptr().cast::<u8>().add(left * pixel);
                        let pixels = (row * input[1], width - left);
                        convert::<D>(sources, pixels, &layout.params, to, layout.cin);
                    }
                }
                self.segments.push(Segment { from, step, count, row: ky * count });
            }
        }
    }

    /// The segments of one of the output rows, of which each has `per_row`.
    #[inline(always)]
    pub fn segments(&self, row: usize, per_row: usize) -> &[Segment] {
        &self.segments[row * per_row..][..per_row]
    }
}

/// Words of so many bytes, in whole steps of the dot product.
#[inline(always)]
fn words<D: LowPrecisionDot>(bytes: usize) -> usize {
    bytes.div_ceil(4).next_multiple_of(D::DEPTH)
}

/// Converts the channels of all sources side by side, for neighbouring pixels.
///
/// # Safety
/// The processor has the instructions; the sources have the pixels, and `to` has space for them.
#[inline(always)]
unsafe fn convert<D: LowPrecisionDot>(
    sources: &[Source],
    (first, pixels): (usize, usize),
    params: &QuantParams,
    to: *mut u8,
    cin: usize,
) {
    let mut channel = 0;
    for source in sources {
        let from = source.data[first * source.pixel..].as_ptr().wrapping_add(source.first);
        let to = to.wrapping_add(channel * D::BYTES);
        // SAFETY: passed on.
        unsafe {
            if source.len == source.pixel && sources.len() == 1 {
                convert_run::<D>(from, pixels * cin, params, to);
            } else {
                for pixel in 0..pixels {
                    let from = from.wrapping_add(pixel * source.pixel);
                    convert_run::<D>(from, source.len, params, to.wrapping_add(pixel * cin * D::BYTES));
                }
            }
        }
        channel += source.len;
    }
}

/// Converts floats that lie side by side.
///
/// # Safety
/// As for [`convert`].
#[inline(always)]
unsafe fn convert_run<D: LowPrecisionDot>(from: *const f32, len: usize, params: &QuantParams, to: *mut u8) {
    let mut at = 0;
    // SAFETY: passed on.
    unsafe {
        while at + D::S::LANES <= len {
            D::convert(from.add(at), D::S::LANES, params, to.add(at * D::BYTES));
            at += D::S::LANES;
        }
        if at < len {
            D::convert(from.add(at), len - at, params, to.add(at * D::BYTES));
        }
    }
}
