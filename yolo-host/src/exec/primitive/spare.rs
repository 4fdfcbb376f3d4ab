//! Memory for tensors in passing, kept by each thread so that no run needs new.

use std::ops::{Deref, DerefMut};
use yolo_kernels::ConvFloat;

/// So many numbers, which go back when they are not needed.
#[derive(Debug)]
pub struct Spare<T: ConvFloat>(Vec<T>);

impl<T: ConvFloat> Spare<T> {
    /// Zeros.
    pub fn zeros(len: usize) -> Self {
        let mut numbers = T::spare().with_borrow_mut(Vec::pop).unwrap_or_default();
        numbers.clear();
        numbers.resize(len, T::zero());
        Spare(numbers)
    }
}

impl<T: ConvFloat> Drop for Spare<T> {
    fn drop(&mut self) {
        let numbers = std::mem::take(&mut self.0);
        T::spare().with_borrow_mut(|spare| spare.push(numbers));
    }
}

impl<T: ConvFloat> Deref for Spare<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: ConvFloat> DerefMut for Spare<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

/// Precision as they lie, or in passing.
#[derive(Debug)]
pub enum Rows<'a, T: ConvFloat> {
    /// As they lie.
    Here(&'a [T]),
    /// In another order.
    Copied(Spare<T>),
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
