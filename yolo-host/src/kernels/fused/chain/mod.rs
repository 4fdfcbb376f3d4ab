//! Operations that read one another's maps, done in bands of rows: what one has just written the next one reads while it is
//! near. Threads take strips of bands; no row is computed twice, and no map is anything but whole in the end.
#![allow(unsafe_code)] // rows of one map are read and written from several threads

mod bands;
mod kernel;

pub use bands::{Bands, Reach};
pub use kernel::Kernel;

use super::map::{Geometry, Maps, Source, Target};
use crate::kernels::parallel::{Shared, tasks};
use bands::Strip;
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// One operation.
#[derive(Clone, Debug)]
pub struct Link {
    /// Sizes of what is read and written.
    pub geometry: Geometry,
    /// What is read.
    pub reads: Vec<Span>,
    /// What is added to what is written.
    pub shortcut: Option<Span>,
    /// What is written.
    pub writes: Span,
}

/// Channels of a map in one of the slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Which slot.
    pub slot: usize,
    /// Numbers of the whole map.
    pub size: usize,
    /// Channels of it.
    pub pixel: usize,
    /// The first of these channels.
    pub first: usize,
    /// How many.
    pub len: usize,
}

/// Operations in running order.
#[derive(Debug)]
pub struct Chain {
    links: Vec<Link>,
    bands: Bands,
    /// Whether each strip of each picture has what the one before it needs.
    begun: Vec<AtomicBool>,
}

/// What a run of a chain works with.
struct Scene<'a, F> {
    links: &'a [Link],
    kernel: &'a F,
    slots: SmallVec<[(Shared<f32>, usize); 64]>,
    /// Nanoseconds of each link, over all threads.
    times: Option<&'a [AtomicU64]>,
}

impl Chain {
    /// Plans the bands of operations, each with its kernel.
    ///
    /// Panics if an operation writes what itself or one before it reads, or channels that another one writes.
    pub fn new(links: Vec<Link>, kernels: &[Kernel]) -> Self {
        for (i, link) in links.iter().enumerate() {
            let written = link.writes;
            let apart = |other: &Link| {
                let Span { slot, first, len, .. } = other.writes;
                slot != written.slot || first + len <= written.first || written.first + written.len <= first
            };
            assert!(links[..i].iter().all(apart), "two operations write the same channels");
            let mut read = links[..=i].iter().flat_map(|link| link.reads.iter().chain(&link.shortcut));
            assert!(read.all(|span| span.slot != written.slot), "what is read would be overwritten");
        }
        let bands = Bands::new(&links, kernels);
        Chain { links, bands, begun: vec![] }
    }

    /// Operations.
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// Runs all operations on the maps in some slots. `times` of each operation are added to, in nanoseconds over all threads.
    pub fn run<'k>(
        &mut self,
        kernel: impl Fn(usize) -> Kernel<'k> + Sync,
        slots: &mut [Vec<f32>],
        times: Option<&[AtomicU64]>,
    ) {
        let slots = slots.iter_mut().map(|slot| (Shared::new(slot), slot.len())).collect();
        let scene = Scene { links: &self.links, kernel: &kernel, slots, times };
        let batch = self.links.first().map_or(0, |link| link.geometry.batch);
        for link in 0..self.links.len() {
            scene.with(link, |kernel, maps| {
                assert!(maps.geometry.batch == batch, "other pictures");
                kernel.check(maps);
            });
        }
        let threads = rayon::current_num_threads();
        self.bands.divide(threads, batch);
        let (bands, strips) = (&self.bands, self.bands.strips());
        if std::env::var("DBG").is_ok() {
            eprintln!(
                "links {} bands {:?} strips {:?}",
                self.links.len(),
                bands,
                strips.iter().map(|s| (s.bands.clone(), s.begun)).collect::<Vec<_>>()
            );
        }
        if self.links.len() == 1 || strips.is_empty() {
            for link in 0..self.links.len() {
                scene.timed(link, threads, |kernel, maps| kernel.run(maps));
            }
            return;
        }
        self.begun.resize_with(self.begun.len().max(strips.len() * batch), Default::default);
        let begun = &self.begun[..strips.len() * batch];
        begun.iter().for_each(|begun| begun.store(false, Ordering::Relaxed));
        // Strips are taken from the last one on: one that waits for the next one's begin finds it begun.
        let left = AtomicUsize::new(strips.len() * batch);
        tasks(threads.min(begun.len()), usize::MAX, |_| {
            while let Ok(before) =
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
            {
                let (picture, strip) = ((before - 1) / strips.len(), (before - 1) % strips.len());
                let begun = &begun[picture * strips.len()..][..strips.len()];
                // SAFETY: every strip is taken once.
                unsafe { scene.strip(bands, strips, (picture, strip), begun) };
            }
        });
    }
}

impl<'k, F: Fn(usize) -> Kernel<'k> + Sync> Scene<'_, F> {
    /// # Safety
    /// Nobody else runs this strip of this picture.
    unsafe fn strip(
        &self,
        bands: &Bands,
        strips: &[Strip],
        (picture, strip): (usize, usize),
        begun: &[AtomicBool],
    ) {
        let Strip { bands: Range { start, end }, begun: enough, starts } = &strips[strip];
        for band in *start..*end {
            let next = strips.get(strip + 1).filter(|_| band + 1 == *end);
            if next.is_some() {
                while !begun[strip + 1].load(Ordering::Acquire) {
                    std::hint::spin_loop();
                }
            }
            for (i, link) in self.links.iter().enumerate() {
                let first = starts[i].max(bands.end(i, band));
                let last = next.map_or(bands.end(i, band + 1), |next| next.starts[i]);
                if first < last {
                    let above = picture * link.geometry.output[0];
                    // SAFETY: the maps are checked; these rows belong to this strip, or lie between it and the next one. What
                    // they need lies before it in this strip, or in the begin of the next one, which is done.
                    self.timed(i, 1, |kernel, maps| unsafe {
                        kernel.rows(maps, above + first..above + last)
                    });
                }
            }
            if band == *enough {
                begun[strip].store(true, Ordering::Release);
            }
        }
    }

    fn timed(&self, link: usize, threads: usize, work: impl FnOnce(&Kernel, &mut Maps)) {
        let start = self.times.map(|_| Instant::now());
        self.with(link, work);
        if let (Some(times), Some(start)) = (self.times, start) {
            let spent = start.elapsed().as_nanos() as u64 * threads as u64;
            times[link].fetch_add(spent, Ordering::Relaxed);
        }
    }

    /// Does some work with an operation and its maps.
    fn with(&self, link: usize, work: impl FnOnce(&Kernel, &mut Maps)) {
        let Link { geometry, reads, shortcut, writes } = &self.links[link];
        let slot = |span: &Span| {
            let (slot, len) = self.slots[span.slot];
            assert!(span.size <= len, "a slot is too small");
            (slot.ptr(), span.size)
        };
        let source = |span: &Span| {
            let (map, size) = slot(span);
            Source::shared((map, size), span.pixel, span.first, span.len)
        };
        let sources: SmallVec<[Source; 16]> = reads.iter().map(source).collect();
        let target = Target::shared(slot(writes), writes.pixel, writes.first);
        let shortcut = shortcut.as_ref().map(source);
        work(&(self.kernel)(link), &mut Maps { geometry: *geometry, sources: &sources, shortcut, target });
    }
}
