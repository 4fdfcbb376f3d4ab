//! What is done with sums before they are stored: activation, and the shortcut added.
#![allow(unsafe_code)] // stores through pointers, and calls loops that are compiled for more than the least processor

use super::{Block, Source, Target};
use crate::graph::Act;
use crate::kernels::Float;
use crate::kernels::act::{Curve, with_curve};
use crate::kernels::isa::vectorised;
use crate::kernels::parallel::Shared;
use crate::kernels::simd::{Simd, prefetch_to_write};
use std::ops::Range;

type T = f32;

vectorised! {
    fn at_all<C: Curve<f32>>(x: &mut [f32], curve: C) {
        for x in x.iter_mut() {
            *x = curve.at(*x);
        }
    }
}

/// Runs `$body` on each vector of a slice; a closure would not be compiled for the instructions.
macro_rules! each {
    ($S:ident, $x:ident, $v:ident => $body:expr) => {{
        let mut at = 0;
        while at + $S::LANES <= $x.len() {
            let place = $x.as_mut_ptr().add(at);
            let $v = $S::load(place);
            $S::store(place, $body);
            at += $S::LANES;
        }
    }};
}

/// x = act(x), for whole vectors: the common ones by vectors, within 3 units in the last place of a division's result.
///
/// # Safety
/// The processor has the instructions; `x` is whole vectors.
#[inline(always)]
pub unsafe fn activate<S: Simd>(act: Act, x: &mut [f32]) {
    // SAFETY: passed on.
    unsafe {
        match act {
            Act::Silu => each!(S, x, v => S::mul(v, sigmoid::<S>(v))),
            Act::Sigmoid => each!(S, x, v => sigmoid::<S>(v)),
            Act::HardSwish => each!(S, x, v => S::mul(v, hard_sigmoid::<S>(v))),
            Act::HardSigmoid => each!(S, x, v => hard_sigmoid::<S>(v)),
            Act::Relu => each!(S, x, v => S::max(S::zero(), v)),
            other => with_curve!(other, curve => at_all(x, curve)),
        }
    }
}

/// 1 / (1 + e^−x)
#[inline(always)]
unsafe fn sigmoid<S: Simd>(x: S::V) -> S::V {
    // SAFETY: passed on.
    unsafe {
        // e^−x = 2ⁿ·2^f, with f at most a half and 2^f by its series.
        let t = S::mul(x, S::splat(-std::f32::consts::LOG2_E));
        let t = S::max(S::splat(-126.0), S::min(S::splat(126.0), t));
        let n = S::round(t);
        let f = S::mul_add(n, S::splat(-1.0), t);
        let mut power = S::splat(SERIES[0]);
        for factor in &SERIES[1..] {
            power = S::mul_add(power, f, S::splat(*factor));
        }
        S::reciprocal(S::add(S::splat(1.0), S::scale(power, n)))
    }
}

/// ln(2)ᵏ / k! from the sixth on down.
const SERIES: [f32; 7] =
    [1.540_353e-4, 1.333_355_8e-3, 9.618_129e-3, 5.550_411e-2, 0.240_226_5, std::f32::consts::LN_2, 1.0];

/// relu6(x + 3) / 6
#[inline(always)]
unsafe fn hard_sigmoid<S: Simd>(x: S::V) -> S::V {
    // SAFETY: passed on.
    unsafe {
        let part = S::mul_add(x, S::splat(1.0 / 6.0), S::splat(0.5));
        S::max(S::zero(), S::min(S::splat(1.0), part))
    }
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

    /// Activates sums in whole vectors.
    ///
    /// # Safety
    /// The processor has the instructions.
    #[inline(always)]
    pub unsafe fn activate<S: Simd>(&self, sums: &mut [f32]) {
        if let Some(act) = self.act {
            // SAFETY: passed on.
            unsafe { activate::<S>(act, sums) };
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

    /// Asks for the places of pixels that are next.
    #[inline(always)]
    pub fn fetch(&self, block: &Block, pixels: Range<usize>) {
        for pixel in pixels {
            let at = self.target.ptr().wrapping_add(pixel * self.pixel + self.first + block.start);
            let mut n = 0;
            while n < block.width {
                prefetch_to_write(at.wrapping_add(n));
                n += 16;
            }
        }
    }

    /// Activates and stores neighbouring pixels of a block: `[pixels, vectors]`.
    ///
    /// # Safety
    /// As for [`store`](Finish::store).
    #[inline(always)]
    pub unsafe fn store_all<S: Simd>(&self, block: &Block, first: usize, sums: &mut [f32]) {
        // SAFETY: passed on.
        unsafe { self.activate::<S>(sums) };
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
