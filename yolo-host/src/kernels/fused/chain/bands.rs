//! Which rows of each operation belong to which band.

use super::{Kernel, Link, Span};
use crate::kernels::Window;
use crate::kernels::fused::Geometry;
use std::ops::Range;

/// Bytes that may be written and read between a row's making and its last reading, so that it is still near then: half of
/// the second cache of the usual processor, which has weights to keep as well.
const NEAR: usize = 448 << 10;

/// Which rows of the input an operation reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// From window to window.
    stride: usize,
    /// Rows of the first window above the map.
    padding: usize,
    /// Rows of a window from its first to its last.
    span: usize,
    /// Output rows that share one of the input.
    repeated: usize,
}

impl Reach {
    /// That of windows.
    pub fn of(window: &Window) -> Self {
        Reach {
            stride: window.stride[0],
            padding: window.padding[0],
            span: (window.kernel[0] - 1) * window.dilation[0] + 1,
            repeated: 1,
        }
    }

    /// That of rows each of which is repeated.
    pub fn repeated(times: usize) -> Self {
        Reach { stride: 1, padding: 0, span: 1, repeated: times }
    }

    /// How many rows of the output can be made from so many first ones of the input.
    fn until(&self, rows: usize, [input, output]: [usize; 2]) -> usize {
        if rows >= input {
            return output;
        }
        let windows = (rows + self.padding).checked_sub(self.span).map_or(0, |rest| rest / self.stride + 1);
        (windows * self.repeated).min(output)
    }

    /// The first row of the output that needs none before this one of the input.
    fn from(&self, row: usize, [_, output]: [usize; 2]) -> usize {
        match row {
            0 => 0,
            _ => ((row + self.padding).div_ceil(self.stride) * self.repeated).min(output),
        }
    }
}

/// One operation's rows.
#[derive(Debug)]
struct Rows {
    height: usize,
    /// Rows that are made together.
    step: usize,
    /// What all of them cost, about, in multiply-adds.
    work: f64,
    makers: Vec<Maker>,
    /// How many are made before each band, and after the last.
    ends: Vec<usize>,
}

/// An operation that makes what a later one reads.
#[derive(Debug)]
struct Maker {
    link: usize,
    reach: Reach,
    /// Rows of what is read, and of what is made from it.
    heights: [usize; 2],
}

/// Bands of a chain.
#[derive(Debug)]
pub struct Bands {
    rows: Vec<Rows>,
    count: usize,
    /// The last strips that were asked for: for so many threads and pictures.
    strips: Vec<Strip>,
    asked: (usize, usize),
}

/// Bands that one thread does.
#[derive(Debug)]
pub struct Strip {
    /// Which.
    pub bands: Range<usize>,
    /// The band after which all that the strip before needs of this one is done.
    pub begun: usize,
    /// The row of each operation from which on this strip has all that it needs.
    pub starts: Vec<usize>,
}

impl Bands {
    /// Bands of as many rows as stay near.
    pub fn new(links: &[Link], kernels: &[Kernel]) -> Self {
        let count = count(links, kernels);
        let mut rows: Vec<Rows> = vec![];
        for (i, (link, kernel)) in links.iter().zip(kernels).enumerate() {
            let [input, output] = [link.geometry.input[0], link.geometry.output[0]];
            let mut makers = vec![];
            for maker in 0..i {
                let made = |span: &Span| span.slot == links[maker].writes.slot;
                if link.reads.iter().any(made) {
                    makers.push(Maker { link: maker, reach: kernel.reach(), heights: [input, output] });
                }
                if link.shortcut.iter().any(made) {
                    makers.push(Maker { link: maker, reach: Reach::repeated(1), heights: [output; 2] });
                }
            }
            let (step, work) = (kernel.step().max(1), kernel.work(&link.geometry, link.writes.len));
            let mut own = Rows { height: output, step, work, makers, ends: vec![] };
            own.ends = (0..=count).map(|band| own.end(&rows, (band, count))).collect();
            rows.push(own);
        }
        Bands { rows, count, strips: vec![], asked: (0, 0) }
    }

    /// Rows of an operation before this band.
    pub fn end(&self, link: usize, band: usize) -> usize {
        self.rows[link].ends[band]
    }

    /// Makes the strips for so many threads and pictures.
    pub fn divide(&mut self, threads: usize, batch: usize) {
        if self.asked != (threads, batch) {
            self.asked = (threads, batch);
            // As many for each thread.
            let counts = if batch % threads == 0 { [1, 1] } else { [2 * threads, threads] };
            self.strips = counts.into_iter().find_map(|count| self.divided(count)).unwrap_or_default();
        }
    }

    /// Those strips; none if the bands are too few.
    pub fn strips(&self) -> &[Strip] {
        &self.strips
    }

    /// So many strips with the same work each, if none has to wait for long for the next one.
    fn divided(&self, count: usize) -> Option<Vec<Strip>> {
        if self.count < count {
            return None;
        }
        let total: f64 = self.rows.iter().map(|rows| rows.work).sum();
        let before = |band: usize| {
            let share = |(rows, start): (&Rows, usize)| rows.work * start as f64 / rows.height.max(1) as f64;
            self.rows.iter().zip(self.starts(band)).map(share).sum::<f64>()
        };
        let ahead: Vec<f64> = (0..self.count).map(before).collect();
        let nearest = |strip: usize| {
            let wanted = total * strip as f64 / count as f64;
            (0..self.count).min_by(|a, b| (ahead[*a] - wanted).abs().total_cmp(&(ahead[*b] - wanted).abs()))
        };
        let mut strips: Vec<Strip> = vec![];
        for strip in 0..count {
            let first = nearest(strip)?;
            let end = if strip + 1 == count { self.count } else { nearest(strip + 1)? };
            let starts = self.starts(first);
            let done = |band: &usize| {
                self.rows.iter().zip(&starts).all(|(rows, start)| *start <= rows.ends[band + 1])
            };
            let begun = (first..end).find(done)?;
            if strip > 0 && 2 * (begun - first) > end - first {
                return None;
            }
            strips.push(Strip { bands: first..end, begun, starts });
        }
        Some(strips)
    }

    /// The row of each operation from which on a strip that begins with this band has all that it needs.
    fn starts(&self, band: usize) -> Vec<usize> {
        let mut starts = vec![];
        for rows in &self.rows {
            starts.push(rows.start(&starts, band));
        }
        starts
    }
}

impl Rows {
    /// How many rows can be made when the makers have theirs of the bands before this one.
    fn end(&self, before: &[Rows], (band, count): (usize, usize)) -> usize {
        let height = self.height;
        if band == count {
            return height;
        }
        let even = band * height / count;
        let ready =
            self.makers.iter().map(|maker| maker.reach.until(before[maker.link].ends[band], maker.heights));
        let rows = ready.min().unwrap_or(even);
        if rows == height { height } else { rows / self.step * self.step }
    }

    /// The first row that needs none of the makers' before their own starts.
    fn start(&self, starts: &[usize], band: usize) -> usize {
        if band == 0 {
            return 0;
        }
        let after = self.makers.iter().map(|maker| maker.reach.from(starts[maker.link], maker.heights));
        let row = after.max().unwrap_or(0).max(self.ends[band]);
        row.next_multiple_of(self.step).min(self.height)
    }
}

/// Bands so low that what is written stays near until it is read for the last time, and at least one step of each operation
/// high.
fn count(links: &[Link], kernels: &[Kernel]) -> usize {
    let bytes = |link: &Link| {
        let Geometry { input, output, .. } = link.geometry;
        let read = |span: &Span| 4 * span.len * input[0] * input[1];
        let written = 4 * output[0] * output[1] * link.writes.len;
        link.reads.iter().map(read).sum::<usize>() + written * (1 + usize::from(link.shortcut.is_some()))
    };
    let between = |(i, link): (usize, &Link)| {
        let reads = |other: &Link| {
            other.reads.iter().chain(&other.shortcut).any(|span| span.slot == link.writes.slot)
        };
        let last = links.iter().rposition(reads).filter(|last| *last > i)?;
        Some(links[i..=last].iter().map(bytes).sum::<usize>())
    };
    let most = links.iter().enumerate().filter_map(between).max().unwrap_or(0);
    let steps =
        links.iter().zip(kernels).map(|(link, kernel)| link.geometry.output[0] / kernel.step().max(2));
    most.div_ceil(std::env::var("NEARB").ok().and_then(|r| r.parse().ok()).unwrap_or(NEAR)).min(steps.min().unwrap_or(1)).max(1)
}
