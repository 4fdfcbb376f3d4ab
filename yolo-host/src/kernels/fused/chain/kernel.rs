//! The operations that a chain can have.

use super::Reach;
use crate::kernels::Window;
use crate::kernels::fused::map::{Geometry, Maps};
use crate::kernels::fused::{Conv, Depthwise, Pictures, add, gather, max_pool, upsample};
use crate::kernels::parallel::tasks;
use std::ops::Range;

/// How an operation is computed.
#[derive(Clone, Copy, Debug)]
pub enum Kernel<'a> {
    /// Pictures into a map.
    Input(Pictures<'a>),
    /// A convolution.
    Conv(&'a Conv),
    /// One channel by channel.
    Depthwise(&'a Depthwise),
    /// Channels side by side.
    Gather,
    /// Each second source added to the one before.
    Add,
    /// The greatest of each window.
    MaxPool(Window),
    /// Every pixel so many times.
    Upsample(usize),
}

impl Kernel<'_> {
    /// Which rows are read for those that are made.
    pub fn reach(&self) -> Reach {
        match self {
            Kernel::Conv(conv) => Reach::of(&conv.window()),
            Kernel::Depthwise(conv) => Reach::of(&conv.window()),
            Kernel::MaxPool(window) => Reach::of(window),
            Kernel::Upsample(scale) => Reach::repeated(*scale),
            Kernel::Input(_) | Kernel::Gather | Kernel::Add => Reach::repeated(1),
        }
    }

    /// Rows that are computed together.
    pub fn step(&self) -> usize {
        match self {
            Kernel::Conv(conv) => conv.step(),
            Kernel::Upsample(scale) => *scale,
            _ => 1,
        }
    }

    /// What it costs for a picture, about, in multiply-adds.
    pub fn work(&self, geometry: &Geometry, channels: usize) -> f64 {
        // A number takes as long as so many multiply-adds to be read, activated and written; Winograd's tiles save most of theirs.
        let number = 16.0;
        let each = match self {
            Kernel::Conv(Conv::Dense(conv)) => conv.macs() as f64,
            Kernel::Conv(Conv::Winograd(conv)) => (conv.cin() * conv.cout()) as f64 * 3.5,
            Kernel::Depthwise(conv) => 4.0 * conv.macs() as f64,
            _ => 0.0,
        };
        (each + number * channels as f64) * (geometry.output[0] * geometry.output[1]) as f64
    }

    /// Panics if the maps are not what the operation reads and writes.
    pub(super) fn check(&self, maps: &Maps) {
        let Maps { geometry, sources, target, .. } = maps;
        let channels: usize = sources.iter().map(|source| source.len).sum();
        let lens = || sources.iter().map(|source| source.len);
        match self {
            Kernel::Conv(conv) => conv.check(maps),
            Kernel::Depthwise(conv) => conv.check(maps),
            Kernel::Gather => maps.check(lens(), channels),
            Kernel::Add => {
                let pairs = sources.as_chunks::<2>();
                assert!(pairs.1.is_empty() && pairs.0.iter().all(|[a, b]| a.len == b.len), "no pairs");
                maps.check(lens(), channels / 2);
            }
            Kernel::MaxPool(_) | Kernel::Upsample(_) => {
                let whole = sources.len() == 1 && sources[0].whole() && target.first == 0;
                assert!(whole && channels == target.pixel, "not a whole map");
                maps.check([channels], channels);
            }
            Kernel::Input(pictures) => {
                let whole = target.first == 0 && pictures.len() == geometry.pixels()[1] * target.pixel;
                assert!(whole, "other pictures");
                maps.check([], target.pixel);
            }
        }
    }

    /// Computes some rows of one picture, counted over all pictures, on this thread.
    ///
    /// # Safety
    /// The maps are checked; nobody else uses these rows, and nobody writes those that they need.
    #[allow(unsafe_code)] // passes on what it is promised
    pub(super) unsafe fn rows(&self, maps: &Maps, rows: Range<usize>) {
        // SAFETY: passed on.
        unsafe {
            match self {
                Kernel::Conv(conv) => conv.rows(maps, rows),
                Kernel::Depthwise(conv) => conv.rows(maps, rows),
                Kernel::Input(pictures) => pictures.rows(maps, rows),
                Kernel::Gather => gather(maps, rows),
                Kernel::Add => add(maps, rows),
                Kernel::MaxPool(window) => max_pool(window, maps, rows),
                Kernel::Upsample(scale) => upsample(*scale, maps, rows),
            }
        }
    }

    /// Computes all rows, on all threads.
    #[allow(unsafe_code)] // gives every row to one task
    pub(super) fn run(&self, maps: &mut Maps) {
        if let Kernel::Conv(conv) = self {
            return conv.run(maps);
        }
        let (maps, height, threads): (&Maps, _, _) =
            (maps, maps.geometry.output[0], rayon::current_num_threads());
        let pieces = if threads == 1 { 1 } else { (4 * threads).min(height.div_ceil(self.step())) };
        let numbers = maps.geometry.pixels()[1] * maps.target.pixel;
        tasks(maps.geometry.batch * pieces, numbers, |task| {
            let (picture, piece) = (task / pieces, task % pieces);
            let row = |piece: usize| (piece * height / pieces).next_multiple_of(self.step()).min(height);
            let above = picture * height;
            // SAFETY: the maps are checked by the caller, and every task has its own rows.
            unsafe { self.rows(maps, above + row(piece)..above + row(piece + 1)) };
        });
    }
}
