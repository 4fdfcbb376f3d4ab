//! Memory for tensors in passing, kept by each thread so that no run needs new.

use crate::kernels::Float;
use std::ops::{Deref, DerefMut};

/// So many numbers, which go back when they are not needed.
#[derive(Debug)]
pub struct Spare<T: Float>(Vec<T>);

impl<T: Float> Spare<T> {
    /// Zeros.
    pub fn zeros(len: usize) -> Self {
        let mut numbers = T::spare().with_borrow_mut(Vec::pop).unwrap_or_default();
        numbers.clear();
        numbers.resize(len, T::zero());
        Spare(numbers)
    }
}

impl<T: Float> Drop for Spare<T> {
    fn drop(&mut self) {
        let numbers = std::mem::take(&mut self.0);
        T::spare().with_borrow_mut(|spare| spare.push(numbers));
    }
}

impl<T: Float> Deref for Spare<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Float> DerefMut for Spare<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

/// Numbers as they lie, or in passing.
#[derive(Debug)]
pub enum Rows<'a, T: Float> {
    /// As they lie.
    Here(&'a [T]),
    /// In another order.
    Copied(Spare<T>),
}

impl<T: Float> Deref for Rows<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Rows::Here(numbers) => numbers,
            Rows::Copied(numbers) => numbers,
        }
    }
}
