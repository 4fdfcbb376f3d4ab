//! Buffers of f32 that are 64-byte aligned: a vector of 512 bits that lies across two cache lines takes twice as long.
#![allow(unsafe_code)] // cache lines as floats

#[cfg(target_os = "linux")]
use memmap2::Advice;
use memmap2::MmapMut;
use std::ops::{Deref, DerefMut};

/// A value that begins with a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Aligned<T>(pub T);

/// One cache line.
type CacheLine = Aligned<[f32; CACHE_LINE]>;

/// Floats of a cache line.
pub const CACHE_LINE: usize = 16;

/// Bytes from which on a buffer has pages of its own, which return to the system as soon as it is dropped: in the allocator's
/// heap they would leave holes.
const PAGES: usize = 128 << 10;
/// Bytes from which on these are huge pages, if the system has them: faulting in thousands of small ones takes as long as some
/// layers.
#[cfg(target_os = "linux")]
const LARGE: usize = 4 << 20;

/// A 64-byte aligned buffer of f32.
#[derive(Debug, Default)]
pub struct AlignedBuf {
    memory: Memory,
    len: usize,
}

#[derive(Debug)]
enum Memory {
    Heap(Vec<CacheLine>),
    Pages(MmapMut),
}

impl Default for Memory {
    fn default() -> Self {
        Memory::Heap(vec![])
    }
}

impl AlignedBuf {
    /// An empty buffer.
    pub const fn new() -> Self {
        AlignedBuf { memory: Memory::Heap(vec![]), len: 0 }
    }

    /// A buffer of so many zeros.
    pub fn zeros(len: usize) -> Self {
        let (lines, bytes) = (len.div_ceil(CACHE_LINE), 4 * len);
        let pages = if bytes >= PAGES { MmapMut::map_anon(bytes).ok() } else { None };
        let memory = match pages {
            Some(pages) => {
                #[cfg(target_os = "linux")]
                if bytes >= LARGE {
                    let _ = pages.advise(Advice::HugePage); // small ones will do, too
                }
                Memory::Pages(pages)
            }
            None => Memory::Heap(vec![Aligned([0.0; CACHE_LINE]); lines]),
        };
        AlignedBuf { memory, len }
    }

    /// Makes the buffer at least so long. What it held is lost where it grows.
    pub fn reserve(&mut self, len: usize) {
        if self.len < len {
            *self = AlignedBuf::new(); // returns its memory before more is taken
            *self = AlignedBuf::zeros(len);
        }
    }
}

impl From<&[f32]> for AlignedBuf {
    fn from(numbers: &[f32]) -> Self {
        let mut lines = AlignedBuf::zeros(numbers.len());
        lines.copy_from_slice(numbers);
        lines
    }
}

impl Deref for AlignedBuf {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        let first = match &self.memory {
            Memory::Heap(lines) => lines.as_ptr().cast(),
            Memory::Pages(pages) => pages.as_ptr().cast(),
        };
        // SAFETY: `len` floats lie there, side by side on the heap as in pages, and are borrowed with the buffer.
        unsafe { std::slice::from_raw_parts(first, self.len) }
    }
}

impl DerefMut for AlignedBuf {
    fn deref_mut(&mut self) -> &mut [f32] {
        let first = match &mut self.memory {
            Memory::Heap(lines) => lines.as_mut_ptr().cast(),
            Memory::Pages(pages) => pages.as_mut_ptr().cast(),
        };
        // SAFETY: `len` floats lie there, side by side on the heap as in pages, and are borrowed mutably with the buffer.
        unsafe { std::slice::from_raw_parts_mut(first, self.len) }
    }
}
