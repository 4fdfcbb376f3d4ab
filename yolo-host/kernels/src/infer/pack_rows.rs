//! The input of a row of output pixels in f32, as segments for the micro-kernel: pixels where they lie, or rows that are packed
//! with their border.

use super::map::{Geometry, Source};
use super::microkernel::Segment;
use super::row_ring::{RowRing, input_row};
use crate::base::aligned::AlignedBuf;
use crate::ops::Window;
use std::cell::RefCell;

thread_local! {
    /// Those of this thread, which every convolution uses again.
    pub static PACKED_ROWS: RefCell<PackedRows> = const { RefCell::new(PackedRows::new()) };
}

/// Packed rows of a map.
#[derive(Debug)]
pub struct PackedRows {
    data: AlignedBuf,
    ring: RowRing,
    segments: Vec<Segment>,
}

impl PackedRows {
    const fn new() -> Self {
        PackedRows { data: AlignedBuf::new(), ring: RowRing::new(), segments: vec![] }
    }

    /// Forgets all rows, before another map.
    pub fn clear(&mut self) {
        self.ring.clear();
    }

    /// Pixels as they lie, from one on: a segment for each source.
    pub fn pixels(&mut self, sources: &[Source], first: usize) -> &[Segment] {
        self.segments.clear();
        let mut row = 0;
        for source in sources {
            let from = source.data[first * source.pixel + source.first..].as_ptr();
            self.segments.push(Segment::of_floats(from, source.pixel, source.len, row));
            row += source.len;
        }
        &self.segments
    }

    /// The windows of an output row, which is counted over all images: a segment for each row of the window that is not in the
    /// border.
    pub fn windows(
        &mut self,
        window: &Window,
        geometry: &Geometry,
        sources: &[Source],
        output_row: usize,
    ) -> &[Segment] {
        let Window { kernel, stride, padding, dilation } = *window;
        let Geometry { input, output, .. } = *geometry;
        if dilation != [1, 1] {
            return self.dilated(window, geometry, sources, output_row);
        }
        let cin: usize = sources.iter().map(|source| source.len).sum();
        let (slots, size) = (kernel[0], ((output[1] - 1) * stride[1] + kernel[1]) * cin);
        if self.ring.slots() != slots || self.data.len() < slots * size {
            self.data.reserve(slots * size);
            self.ring.reset(slots);
        }
        self.segments.clear();
        for ky in 0..kernel[0] {
            let Some(row) = input_row(window, geometry, output_row, ky) else { continue };
            let (slot, fresh) = self.ring.claim(row);
            let to = &mut self.data[slot * size..][..size];
            if fresh {
                copy(sources, (row * input[1], input[1]), padding[1], to, cin);
            }
            let (step, count) = (stride[1] * cin, kernel[1] * cin);
            self.segments.push(Segment::of_floats(to.as_ptr(), step, count, ky * kernel[1] * cin));
        }
        &self.segments
    }

    /// [`windows`](PackedRows::windows) with dilation: a segment for each element of the window that meets the map. The input
    /// of each is packed by itself, since a window may reach far beyond the map and what lies between its elements would take
    /// memory.
    fn dilated(
        &mut self,
        window: &Window,
        geometry: &Geometry,
        sources: &[Source],
        output_row: usize,
    ) -> &[Segment] {
        let Window { kernel, stride, padding, dilation } = *window;
        let Geometry { input, output, .. } = *geometry;
        let cin: usize = sources.iter().map(|source| source.len).sum();
        let row = |ky: usize| Some((ky, input_row(window, geometry, output_row, ky)? * input[1]));
        let meets_map = |kx: &usize| {
            let first = kx * dilation[1];
            first < padding[1] + input[1] && first + (output[1] - 1) * stride[1] >= padding[1]
        };
        let rows = (0..kernel[0]).filter_map(row).count();
        let columns = (0..kernel[1]).filter(meets_map).count();
        let size = output[1] * cin;
        self.data.reserve(rows * columns * size);
        self.ring.clear();
        self.segments.clear();
        let mut buffers = self.data.chunks_exact_mut(size.max(1));
        for (ky, first) in (0..kernel[0]).filter_map(row) {
            for (kx, to) in (0..kernel[1]).filter(meets_map).zip(&mut buffers) {
                for (x, to) in to.chunks_exact_mut(cin.max(1)).enumerate() {
                    let ix = (x * stride[1] + kx * dilation[1]).wrapping_sub(padding[1]);
                    match ix < input[1] {
                        true => copy(sources, (first + ix, 1), 0, to, cin),
                        false => to.fill(0.0),
                    }
                }
                let row = (ky * kernel[1] + kx) * cin;
                self.segments.push(Segment::of_floats(to.as_ptr(), cin, cin, row));
            }
        }
        &self.segments
    }
}

/// Copies the channels of all sources side by side, for the pixels of a row with zeros on both sides, as far as `to` reaches.
fn copy(sources: &[Source], (first, pixels): (usize, usize), padding: usize, to: &mut [f32], cin: usize) {
    let width = to.len() / cin.max(1);
    let (left, right) = (padding.min(width), (padding + pixels).min(width));
    to[..left * cin].fill(0.0);
    to[right * cin..].fill(0.0);
    let to = &mut to[left * cin..right * cin];
    if let [source] = sources
        && source.len == source.pixel
    {
        return to.copy_from_slice(&source.data[first * cin..][..to.len()]);
    }
    let mut channel = 0;
    for source in sources {
        let from = source.data[first * source.pixel..].chunks_exact(source.pixel);
        for (to, from) in to.chunks_exact_mut(cin).zip(from) {
            to[channel..channel + source.len].copy_from_slice(&from[source.first..][..source.len]);
        }
        channel += source.len;
    }
}
