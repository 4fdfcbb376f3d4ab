//! What a tile multiplies: f32 here, and the formats of [`lowp`](super::lowp).
#![allow(unsafe_code)] // vector instructions, and loads through pointers

use crate::base::simd::Simd;
use std::marker::PhantomData;

/// Numbers and their products, with the instructions that compute them. Four bytes are a word: one number, or several.
///
/// # Safety
/// All functions need a processor that has the instructions, and pointers to as many numbers as they read.
#[allow(clippy::missing_safety_doc)] // said above
pub trait Products: Copy {
    /// Vectors of f32 with a number for each word of a vector.
    type S: Simd;
    /// Sums.
    type Sum: Copy;
    /// A word for each of them.
    type Words: Copy;
    /// What sums begin with.
    unsafe fn start(from: *const u32) -> Self::Sum;
    /// Words of the weight.
    unsafe fn load(from: *const u32) -> Self::Words;
    /// A word of the input for all sums, at any address.
    unsafe fn splat(from: *const u8) -> Self::Words;
    /// sum + x · w, the products of each word added up.
    unsafe fn dot(sum: Self::Sum, x: Self::Words, w: Self::Words) -> Self::Sum;
    /// Sums as numbers.
    unsafe fn finish(sum: Self::Sum, scale: *const f32, bias: *const f32) -> <Self::S as Simd>::V;
}

/// f32, a number a word; what sums begin with is the bias.
#[derive(Clone, Copy)]
pub struct Floats<S>(PhantomData<S>);

impl<S: Simd> Products for Floats<S> {
    type S = S;
    type Sum = S::V;
    type Words = S::V;

    #[inline(always)]
    unsafe fn start(from: *const u32) -> S::V {
        // SAFETY: see the trait, as in all that follows.
        unsafe { S::load(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load(from: *const u32) -> S::V {
        // SAFETY: see the trait.
        unsafe { S::load(from.cast()) }
    }

    #[inline(always)]
    unsafe fn splat(from: *const u8) -> S::V {
        // SAFETY: see the trait.
        unsafe { S::splat(from.cast::<f32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn dot(sum: S::V, x: S::V, w: S::V) -> S::V {
        // SAFETY: see the trait.
        unsafe { S::mul_add(x, w, sum) }
    }

    #[inline(always)]
    unsafe fn finish(sum: S::V, _scale: *const f32, _bias: *const f32) -> S::V {
        sum
    }
}
