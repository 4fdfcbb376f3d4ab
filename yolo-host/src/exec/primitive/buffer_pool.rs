//! Buffers that are used again, by their size: from the second step on nothing is allocated.

use std::collections::HashMap;
use yolo_kernels::ConvFloat;

/// Free buffers.
#[derive(Debug, Default)]
pub struct Pool<T> {
    free: HashMap<usize, Vec<Vec<T>>>,
}

impl<T: ConvFloat> Pool<T> {
    /// Elements of all free buffers.
    pub fn len(&self) -> usize {
        self.free.iter().map(|(len, buffers)| len * buffers.len()).sum()
    }

    /// A buffer with any content.
    pub fn take(&mut self, len: usize) -> Vec<T> {
        self.free.get_mut(&len).and_then(Vec::pop).unwrap_or_else(|| vec![T::zero(); len])
    }

    /// A buffer of zeros.
    pub fn zeros(&mut self, len: usize) -> Vec<T> {
        let mut buffer = self.take(len);
        buffer.fill(T::zero());
        buffer
    }

    /// Takes a buffer back.
    pub fn give(&mut self, buffer: Vec<T>) {
        if !buffer.is_empty() {
            self.free.entry(buffer.len()).or_default().push(buffer);
        }
    }
}
