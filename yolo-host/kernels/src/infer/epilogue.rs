//! What is done with sums before they are stored: activation, and the shortcut added.
#![allow(unsafe_code)] // stores through pointers, and calls loops that are compiled for more than the least processor

use super::{Source, Target};
use crate::base::Float;
use crate::base::parallel::Shared;
use crate::base::prefetch::prefetch_to_write;
use crate::base::simd::Simd;
use crate::base::simd::vectorised;
use crate::ops::activation::{Curve, with_curve};
use std::ops::Range;
use yolo_plugin::Act;

type T = f32;

vectorised! {
    fn at_all<C: Curve<f32>>(x: &mut [f32], curve: C) {
        for x in x.iter_mut() {
            *x = curve.at(*x);
        }
    }
}

/// An activation on vectors, within 3 units in the last place of a division's result.
trait VectorAct {
    /// # Safety
    /// The processor has the instructions.
    unsafe fn at<S: Simd>(v: S::V) -> S::V;
}

struct Same;
struct Silu;
struct Sigmoid;
struct HardSwish;
struct HardSigmoid;
struct Relu;

impl VectorAct for Same {
    #[inline(always)]
    unsafe fn at<S: Simd>(v: S::V) -> S::V {
        v
    }
}

impl VectorAct for Silu {
    #[inline(always)]
    unsafe fn at<S: Simd>(v: S::V) -> S::V {
        // SAFETY: passed on.
        unsafe { S::div(v, one_and_exp::<S>(v)) }
    }
}

impl VectorAct for Sigmoid {
    #[inline(always)]
    unsafe fn at<S: Simd>(v: S::V) -> S::V {
        // SAFETY: passed on.
        unsafe { S::div(S::splat(1.0), one_and_exp::<S>(v)) }
    }
}

/// 1 + e^−x
#[inline(always)]
unsafe fn one_and_exp<S: Simd>(x: S::V) -> S::V {
    // SAFETY: passed on.
    unsafe {
        // e^−x = 2^t, of which the whole part of t is the exponent, and the rest, below 1, has a polynomial.
        let t = S::min(S::splat(126.0), S::mul(x, S::splat(-std::f32::consts::LOG2_E)));
        let rest = S::fraction(t);
        let mut power = S::splat(POWER[0]);
        for factor in &POWER[1..] {
            power = S::mul_add(power, rest, S::splat(*factor));
        }
        S::add(S::splat(1.0), S::scalef(power, t))
    }
}

/// 2^x from 0 to 1 within 7.5e-8 of it, from the fifth power down: the polynomial of the least relative error (Remez).
const POWER: [f32; 6] = [1.877_576_7e-3, 8.989_34e-3, 5.582_632e-2, 0.240_153_62, 0.693_153_1, 0.999_999_94];

impl VectorAct for HardSigmoid {
    /// relu6(x + 3) / 6
    #[inline(always)]
    unsafe fn at<S: Simd>(v: S::V) -> S::V {
        // SAFETY: passed on.
        unsafe {
            let part = S::mul_add(v, S::splat(1.0 / 6.0), S::splat(0.5));
            S::max(S::zero(), S::min(S::splat(1.0), part))
        }
    }
}

impl VectorAct for HardSwish {
    #[inline(always)]
    unsafe fn at<S: Simd>(v: S::V) -> S::V {
        // SAFETY: passed on.
        unsafe { S::mul(v, HardSigmoid::at::<S>(v)) }
    }
}

impl VectorAct for Relu {
    #[inline(always)]
    unsafe fn at<S: Simd>(v: S::V) -> S::V {
        // SAFETY: passed on.
        unsafe { S::max(S::zero(), v) }
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

    /// Asks for the places of `width` channels from `channel` on of pixels that are next.
    #[inline(always)]
    pub fn fetch(&self, (channel, width): (usize, usize), pixels: Range<usize>) {
        for pixel in pixels {
            let at = self.target.ptr().wrapping_add(pixel * self.pixel + self.first + channel);
            let mut n = 0;
            while n < width {
                prefetch_to_write(at.wrapping_add(n));
                n += 16;
            }
        }
    }

    /// Where a channel of a pixel is put, and numbers from pixel to pixel there.
    #[inline(always)]
    pub fn place(&self, pixel: usize, channel: usize) -> (*mut f32, usize) {
        (self.target.ptr().wrapping_add(pixel * self.pixel + self.first + channel), self.pixel)
    }

    /// Activates and stores `width` channels from `channel` on of neighbouring pixels: `[pixels, whole vectors]`.
    ///
    /// # Safety
    /// The processor has the instructions; pixels and channels are of the target and the shortcut; nobody else writes them;
    /// `sums` has so many numbers.
    #[inline(always)]
    pub unsafe fn store<S: Simd>(
        &self,
        (pixel, pixels): (usize, usize),
        (channel, width): (usize, usize),
        sums: *mut f32,
    ) {
        let place = Place { pixel, pixels, channel, width };
        // SAFETY: passed on.
        unsafe {
            match self.act {
                None => self.put::<S, Same>(place, sums),
                Some(Act::Silu) => self.put::<S, Silu>(place, sums),
                Some(Act::Sigmoid) => self.put::<S, Sigmoid>(place, sums),
                Some(Act::HardSwish) => self.put::<S, HardSwish>(place, sums),
                Some(Act::HardSigmoid) => self.put::<S, HardSigmoid>(place, sums),
                Some(Act::Relu) => self.put::<S, Relu>(place, sums),
                Some(other) => {
                    let len = pixels * width.next_multiple_of(S::LANES);
                    let all = std::slice::from_raw_parts_mut(sums, len);
                    with_curve!(other, curve => at_all(all, curve));
                    self.put::<S, Same>(place, sums);
                }
            }
        }
    }

    /// N whole vectors, and no shortcut.
    ///
    /// # Safety
    /// As for [`store`](Finish::store).
    #[inline(always)]
    unsafe fn put_whole<S: Simd, A: VectorAct, const N: usize>(&self, place: Place, mut sums: *const f32) {
        let (mut to, step) = self.place(place.pixel, place.channel);
        for _ in 0..place.pixels {
            for n in 0..N {
                // SAFETY: passed on.
                unsafe { S::store(to.add(n * S::LANES), A::at::<S>(S::load(sums.add(n * S::LANES)))) };
            }
            to = to.wrapping_add(step);
            sums = sums.wrapping_add(N * S::LANES);
        }
    }

    /// # Safety
    /// As for [`store`](Finish::store).
    #[inline(always)]
    unsafe fn put<S: Simd, A: VectorAct>(&self, place: Place, mut sums: *const f32) {
        let Place { pixel: first, pixels, channel, width } = place;
        if self.shortcut.is_none() && width.is_multiple_of(S::LANES) {
            // SAFETY: passed on.
            return unsafe {
                match width / S::LANES {
                    1 => self.put_whole::<S, A, 1>(place, sums),
                    2 => self.put_whole::<S, A, 2>(place, sums),
                    _ => (),
                }
            };
        }
        for pixel in first..first + pixels {
            let mut n = 0;
            while n < width {
                let count = (width - n).min(S::LANES);
                // SAFETY: passed on. Instructions that leave out numbers are slow.
                unsafe {
                    let mut v = A::at::<S>(S::load(sums));
                    if let Some(source) = &self.shortcut {
                        let at = pixel * source.pixel + source.first + channel + n;
                        let from = source.data.as_ptr().add(at);
                        let more =
                            if count == S::LANES { S::load(from) } else { S::load_partial(from, count) };
                        v = S::add(v, more);
                    }
                    let to = self.target.ptr().add(pixel * self.pixel + self.first + channel + n);
                    if count == S::LANES {
                        S::store(to, v)
                    } else {
                        S::store_partial(to, v, count)
                    }
                    sums = sums.add(S::LANES);
                }
                n += S::LANES;
            }
        }
    }
}

/// Some channels of neighbouring pixels.
#[derive(Clone, Copy)]
struct Place {
    pixel: usize,
    pixels: usize,
    channel: usize,
    width: usize,
}
