//! Numbers that begin with a line of the cache: a vector of 512 bits that lies across two of them takes twice as long.
#![allow(unsafe_code)] // lines as numbers

use std::ops::{Deref, DerefMut};

/// What begins with a line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Aligned<T>(pub T);

/// One line.
type Line = Aligned<[f32; LINE]>;

/// Numbers of a line.
pub const LINE: usize = 16;

/// A vector of numbers in whole lines.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    lines: Vec<Line>,
    len: usize,
}

impl Lines {
    /// None.
    pub const fn new() -> Self {
        Lines { lines: vec![], len: 0 }
    }

    /// So many zeros.
    pub fn zeros(len: usize) -> Self {
        // SAFETY: zeros are numbers. The system gives them without writing them.
        let lines = unsafe { Box::<[Line]>::new_zeroed_slice(len.div_ceil(LINE)).assume_init() };
        Lines { lines: lines.into_vec(), len }
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
        // SAFETY: a line is its numbers and nothing between, and there are as many as `len` needs.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Lines {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: likewise.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
