//! Numbers that begin with a line of the cache: a vector of 512 bits that lies across two of them takes twice as long.
#![allow(unsafe_code)] // lines as numbers

#[cfg(target_os = "linux")]
use memmap2::Advice;
use memmap2::MmapMut;
use std::ops::{Deref, DerefMut};

/// What begins with a line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Aligned<T>(pub T);

/// One line.
type Line = Aligned<[f32; CACHE_LINE]>;

/// Numbers of a line.
pub const CACHE_LINE: usize = 16;

/// Bytes from which on numbers have pages of their own, which go back to the system as soon as they are not needed: between
/// those of the allocator they would leave holes.
const PAGES: usize = 128 << 10;
/// Bytes from which on these are large pages, if the system has them: thousands of small ones take as long as some layers.
const LARGE: usize = 4 << 20;

/// A vector of numbers in whole lines.
#[derive(Debug, Default)]
pub struct Lines {
    memory: Memory,
    len: usize,
}

#[derive(Debug)]
enum Memory {
    Lines(Vec<Line>),
    Pages(MmapMut),
}

impl Default for Memory {
    fn default() -> Self {
        Memory::Lines(vec![])
    }
}

impl Lines {
    /// None.
    pub const fn new() -> Self {
        Lines { memory: Memory::Lines(vec![]), len: 0 }
    }

    /// So many zeros.
    pub fn zeros(len: usize) -> Self {
        let (lines, bytes) = (len.div_ceil(CACHE_LINE), 4 * len);
        let pages = if bytes >= PAGES { MmapMut::map_anon(bytes).ok() } else { None };
        let memory = match pages {
            Some(pages) => {
                #[cfg(target_os = "linux")]
                if bytes >= LARGE {
                    let _ = pages.advise(Advice::HugePage); // small ones will do
                }
                Memory::Pages(pages)
            }
            None => Memory::Lines(vec![Aligned([0.0; CACHE_LINE]); lines]),
        };
        Lines { memory, len }
    }

    /// At least so many numbers, whatever they are.
    pub fn reserve(&mut self, len: usize) {
        if self.len < len {
            *self = Lines::new(); // gives its memory back before more is taken
            *self = Lines::zeros(len);
        }
    }
}

impl From<&[f32]> for Lines {
    fn from(numbers: &[f32]) -> Self {
        let mut lines = Lines::zeros(numbers.len());
        lines.copy_from_slice(numbers);
        lines
    }
}

impl Deref for Lines {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        let first = match &self.memory {
            Memory::Lines(lines) => lines.as_ptr().cast(),
            Memory::Pages(pages) => pages.as_ptr().cast(),
        };
        // SAFETY: `len` numbers lie there, side by side in lines as in pages.
        unsafe { std::slice::from_raw_parts(first, self.len) }
    }
}

impl DerefMut for Lines {
    fn deref_mut(&mut self) -> &mut [f32] {
        let first = match &mut self.memory {
            Memory::Lines(lines) => lines.as_mut_ptr().cast(),
            Memory::Pages(pages) => pages.as_mut_ptr().cast(),
        };
        // SAFETY: likewise.
        unsafe { std::slice::from_raw_parts_mut(first, self.len) }
    }
}
