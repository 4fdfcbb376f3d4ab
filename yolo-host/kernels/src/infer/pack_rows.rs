//! The numbers that the windows of a line of pixels find, as segments: where they lie, or in rows copied with their border.

use super::microkernel::Segment;
use super::{Geometry, Source};
use crate::base::aligned::Lines;
use crate::ops::Window;
use std::cell::RefCell;

thread_local! {
    /// Those of this thread, kept so that no run needs new memory.
    pub static ROWS: RefCell<Rows> = const { RefCell::new(Rows::new()) };
}

/// Rows of a map, each in its place until another one needs it.
#[derive(Debug)]
pub struct Rows {
    data: Lines,
    /// Which row, counted over all images, lies in each place.
    held: Vec<usize>,
    segments: Vec<Segment>,
}

/// No row.
const NONE: usize = usize::MAX;

impl Rows {
    const fn new() -> Self {
        Rows { data: Lines::new(), held: vec![], segments: vec![] }
    }

    /// Before another map.
    pub fn forget(&mut self) {
        self.held.fill(NONE);
    }

    /// Pixels as they lie, from one on.
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

    /// The windows of an output line, which is counted over all images. Taps in the border above and below are left out.
    pub fn windows(
        &mut self,
        window: &Window,
        geometry: &Geometry,
        sources: &[Source],
        line: usize,
    ) -> &[Segment] {
        let Window { kernel, stride, padding, dilation } = *window;
        let Geometry { input, output, .. } = *geometry;
        if dilation != [1, 1] {
            return self.apart(window, geometry, sources, line);
        }
        let cin: usize = sources.iter().map(|source| source.len).sum();
        let (places, size) = (kernel[0], ((output[1] - 1) * stride[1] + kernel[1]) * cin);
        if self.held.len() != places || self.data.len() < places * size {
            self.data.reserve(places * size);
            self.held.clear();
            self.held.resize(places, NONE);
        }
        self.segments.clear();
        let (image, y) = (line / output[0], line % output[0]);
        for ky in 0..kernel[0] {
            let iy = (y * stride[0] + ky).wrapping_sub(padding[0]);
            if iy >= input[0] {
                continue;
            }
            let row = image * input[0] + iy;
            let place = row % places;
            let to = &mut self.data[place * size..][..size];
            if std::mem::replace(&mut self.held[place], row) != row {
                copy(sources, (row * input[1], input[1]), padding[1], to, cin);
            }
            let (step, count) = (stride[1] * cin, kernel[1] * cin);
            self.segments.push(Segment::of_floats(to.as_ptr(), step, count, ky * kernel[1] * cin));
        }
        &self.segments
    }

    /// The same for taps that lie apart, each copied for itself: a window may reach far beyond the map, and what lies there
    /// takes no memory.
    fn apart(&mut self, window: &Window, geometry: &Geometry, sources: &[Source], line: usize) -> &[Segment] {
        let Window { kernel, stride, padding, dilation } = *window;
        let Geometry { input, output, .. } = *geometry;
        let cin: usize = sources.iter().map(|source| source.len).sum();
        let (image, y) = (line / output[0], line % output[0]);
        let row = |ky: usize| {
            let iy = (y * stride[0] + ky * dilation[0]).wrapping_sub(padding[0]);
            (iy < input[0]).then(|| (image * input[0] + iy) * input[1])
        };
        let met = |kx: &usize| {
            let first = kx * dilation[1];
            first < padding[1] + input[1] && first + (output[1] - 1) * stride[1] >= padding[1]
        };
        let (rows, columns) = ((0..kernel[0]).filter_map(row).count(), (0..kernel[1]).filter(met).count());
        let size = output[1] * cin;
        self.data.reserve(rows * columns * size);
        self.held.fill(NONE);
        self.segments.clear();
        let mut room = self.data.chunks_exact_mut(size.max(1));
        for (ky, first) in (0..kernel[0]).filter_map(|ky| Some((ky, row(ky)?))) {
            for (kx, to) in (0..kernel[1]).filter(met).zip(&mut room) {
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

/// The channels of all sources side by side, for the pixels of a row with zeros around it, as far as they are needed.
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
