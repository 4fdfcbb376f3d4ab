//! What is done with sums before they are stored: activation, and the shortcut added.
#![allow(unsafe_code)] // stores through pointers, and calls loops that are compiled for more than the least processor

use super::{Block, Source, Target};
use crate::graph::Act;
use crate::kernels::Float;
use crate::kernels::act::{Curve, with_curve};
use crate::kernels::isa::vectorised;
use crate::kernels::parallel::Shared;
use crate::kernels::simd::Simd;

type T = f32;

vectorised! {
    fn at_all<C: Curve<f32>>(x: &mut [f32], curve: C) {
        for x in x.iter_mut() {
            *x = curve.at(*x);
        }
    }
}

/// x = act(x)
pub fn activate(act: Act, x: &mut [f32]) {
    with_curve!(act, curve => at_all(x, curve));
}

/// The way from sums to the target.
pub struct Finish<'a> {
    act: Option<Act>,
    shortcut: Option<Source<'a>>,
    target: Shared<f32>,
    pixel: usize,
    first: usize,
}

impl<'a> Finish<'a> {
    /// Into channels of a target; the shortcut has the same number of them.
    pub fn new(act: Option<Act>, shortcut: Option<Source<'a>>, target: Target) -> Self {
        let Target { data, pixel, first } = target;
        Finish { act, shortcut, target: Shared::new(data), pixel, first }
    }

    /// Activates sums.
    pub fn activate(&self, sums: &mut [f32]) {
        if let Some(act) = self.act {
            activate(act, sums);
        }
    }

    /// Stores `count` channels from `channel` on of a pixel, at most a vector.
    ///
    /// # Safety
    /// The processor has the instructions; pixel and channels are of the target and the shortcut; nobody else writes them;
    /// `sums` has a whole vector.
    #[inline(always)]
    pub unsafe fn store<S: Simd>(&self, pixel: usize, channel: usize, count: usize, sums: *const f32) {
        // SAFETY: passed on.
        unsafe {
            let mut v = S::load(sums);
            if let Some(source) = &self.shortcut {
                let from = source.data.as_ptr().add(pixel * source.pixel + source.first + channel);
                v = S::add(v, S::load_part(from, count));
            }
            S::store_part(self.target.ptr().add(pixel * self.pixel + self.first + channel), v, count);
        }
    }

    /// Activates and stores neighbouring pixels of a block: `[pixels, vectors]`.
    ///
    /// # Safety
    /// As for [`store`](Finish::store).
    #[inline(always)]
    pub unsafe fn store_all<S: Simd>(&self, block: &Block, first: usize, sums: &mut [f32]) {
        self.activate(sums);
        for (p, sums) in sums.chunks_exact(block.room).enumerate() {
            let mut n = 0;
            while n < block.width {
                // SAFETY: passed on.
                unsafe {
                    let count = (block.width - n).min(S::LANES);
                    self.store::<S>(first + p, block.start + n, count, sums.as_ptr().add(n));
                }
                n += S::LANES;
            }
        }
    }
}
