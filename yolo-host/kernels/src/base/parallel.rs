//! Work in pieces that do not depend on the number of threads.
#![allow(unsafe_code)] // pieces of one slice are written from several threads

use rayon::prelude::*;

/// A slice of which every task writes its own part.
#[derive(Clone, Copy)]
pub struct Shared<T>(*mut T, usize);

// SAFETY: tasks write to parts that do not overlap, which each caller of `get` sees to.
unsafe impl<T: Send> Send for Shared<T> {}
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// A slice that nothing else uses while its tasks run.
    pub fn new(slice: &mut [T]) -> Self {
        Shared(slice.as_mut_ptr(), slice.len())
    }

    /// The first element.
    pub fn ptr(&self) -> *mut T {
        self.0
    }

    /// A part of it.
    ///
    /// # Safety
    /// No other task uses these elements at the same time.
    #[allow(clippy::mut_from_ref)] // see Safety
    pub unsafe fn get(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start.checked_add(len).is_some_and(|end| end <= self.1));
        // SAFETY: within the slice, and promised by the caller.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), len) }
    }
}

/// Runs so many tasks, on all threads if together they are worth it: `work` is in multiply-adds or moved numbers.
pub fn tasks(count: usize, work: usize, task: impl Fn(usize) + Sync + Send) {
    if count > 1 && work > 50_000 {
        (0..count).into_par_iter().for_each(task);
    } else {
        (0..count).for_each(task);
    }
}

/// The same on two slices in step: pieces of so many elements of each.
pub fn chunks_mut_2<A: Send, B: Send>(
    (a, size_a): (&mut [A], usize),
    (b, size_b): (&mut [B], usize),
    task: impl Fn(usize, &mut [A], &mut [B]) + Sync + Send,
) {
    if a.len() > size_a {
        let both = a.par_chunks_mut(size_a).zip(b.par_chunks_mut(size_b));
        both.enumerate().for_each(|(i, (a, b))| task(i, a, b));
    } else {
        task(0, a, b);
    }
}

/// Runs `task` on pieces of `size` elements, with the place of the first, on all threads if there are several pieces.
pub fn chunks_mut<T: Send>(slice: &mut [T], size: usize, task: impl Fn(usize, &mut [T]) + Sync + Send) {
    if slice.len() > size {
        slice.par_chunks_mut(size).enumerate().for_each(|(i, piece)| task(i * size, piece));
    } else {
        task(0, slice);
    }
}
