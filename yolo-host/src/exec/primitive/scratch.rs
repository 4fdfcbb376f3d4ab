//! Scratch buffers: thread-local and reused, so that no run but the first allocates.

use std::ops::{Deref, DerefMut};
use yolo_kernels::ConvFloat;

/// A buffer that goes back to its thread when it is dropped.
#[derive(Debug)]
pub struct Scratch<T: ConvFloat>(Vec<T>);

impl<T: ConvFloat> Scratch<T> {
    /// Zeros.
    pub fn zeros(len: usize) -> Self {
        let mut numbers = T::scratch().with_borrow_mut(Vec::pop).unwrap_or_default();
        numbers.clear();
        numbers.resize(len, T::zero());
        Scratch(numbers)
    }
}

impl<T: ConvFloat> Drop for Scratch<T> {
    fn drop(&mut self) {
        let numbers = std::mem::take(&mut self.0);
        T::scratch().with_borrow_mut(|free| free.push(numbers));
    }
}

impl<T: ConvFloat> Deref for Scratch<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: ConvFloat> DerefMut for Scratch<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

/// Numbers as they lie, or a copy of them in another order.
#[derive(Debug)]
pub enum Rows<'a, T: ConvFloat> {
    /// As they lie.
    Here(&'a [T]),
    /// In another order.
    Copied(Scratch<T>),
}

impl<T: ConvFloat> Deref for Rows<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Rows::Here(numbers) => numbers,
            Rows::Copied(numbers) => numbers,
        }
    }
}
