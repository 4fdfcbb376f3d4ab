//! Parallel loops over pieces whose sizes do not depend on the number of threads, so that results do not either.
#![allow(unsafe_code)] // pieces of one slice are written from several threads

use rayon::prelude::*;

/// A slice of which each task writes its own elements.
#[derive(Clone, Copy)]
pub struct Shared<T>(*mut T, usize);

// SAFETY: tasks write elements that do not overlap, as callers of `get` promise and writers through `ptr` have to.
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

    /// Some of its elements.
    ///
    /// # Safety
    /// No other task uses these elements while the slice lives.
    #[allow(clippy::mut_from_ref)] // see Safety
    pub unsafe fn get(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start.checked_add(len).is_some_and(|end| end <= self.1));
        // SAFETY: within the slice, and promised by the caller.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), len) }
    }
}

/// Runs so many tasks, on all threads if they are worth the start: `work` counts their multiply-adds or moved numbers. Each task
/// is handed out by itself: of a big and a little core, the big one takes more of them.
pub fn tasks(count: usize, work: usize, task: impl Fn(usize) + Sync + Send) {
    if count > 1 && work > 50_000 {
        (0..count).into_par_iter().with_max_len(1).for_each(task);
    } else {
        (0..count).for_each(task);
    }
}

/// [`chunks_mut`] on two slices in step, with the number of the piece: pieces of so many elements of each.
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

/// Runs `task` on pieces of `size` elements, with the index of the first one, on all threads if there are several pieces.
pub fn chunks_mut<T: Send>(slice: &mut [T], size: usize, task: impl Fn(usize, &mut [T]) + Sync + Send) {
    if slice.len() > size {
        slice.par_chunks_mut(size).enumerate().for_each(|(i, piece)| task(i * size, piece));
    } else {
        task(0, slice);
    }
}
