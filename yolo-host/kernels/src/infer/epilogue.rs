//! The epilogue of a convolution: activates sums, adds the shortcut, and stores them in the target.
#![allow(unsafe_code)] // stores through pointers

use super::map::{Source, Target};
use super::vector_act::VectorAct;
use crate::base::Float;
use crate::base::aligned::CACHE_LINE;
use crate::base::parallel::Shared;
use crate::base::prefetch::prefetch_to_write;
use crate::base::simd::Simd;
use crate::base::simd::vectorised;
use crate::ops::activation::{Curve, HardSigmoid, HardSwish, Identity, Relu, Sigmoid, Silu, with_curve};
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

/// What becomes of the sums of a convolution.
pub struct Epilogue<'a> {
    act: Option<Act>,
    shortcut: Option<Source<'a>>,
    target: Shared<f32>,
    pixel: usize,
    first: usize,
}

impl<'a> Epilogue<'a> {
    /// Stores into channels of a target; the shortcut has as many.
    pub fn new(act: Option<Act>, shortcut: Option<Source<'a>>, target: Target) -> Self {
        let Target { data, pixel, first } = target;
        Epilogue { act, shortcut, target: Shared::new(data), pixel, first }
    }

    /// Prefetches `width` channels from `channel` on of pixels that will be stored next.
    #[inline(always)]
    pub fn prefetch(&self, (channel, width): (usize, usize), pixels: Range<usize>) {
        for pixel in pixels {
            let at = self.target.ptr().wrapping_add(pixel * self.pixel + self.first + channel);
            let mut n = 0;
            while n < width {
                prefetch_to_write(at.wrapping_add(n));
                n += CACHE_LINE;
            }
        }
    }

    /// Where a channel of a pixel is stored, and floats from pixel to pixel there.
    #[inline(always)]
    pub fn address(&self, pixel: usize, channel: usize) -> (*mut f32, usize) {
        (self.target.ptr().wrapping_add(pixel * self.pixel + self.first + channel), self.pixel)
    }

    /// Activates sums `[pixels, whole vectors]` and stores them as `width` channels from `channel` on of neighbouring pixels.
    ///
    /// # Safety
    /// The processor has the instructions; pixels and channels are of the target and the shortcut; nobody else writes them;
    /// `sums` has as many floats.
    #[inline(always)]
    pub unsafe fn store<S: Simd>(
        &self,
        (pixel, pixels): (usize, usize),
        (channel, width): (usize, usize),
        sums: *mut f32,
    ) {
        let region = Region { pixel, pixels, channel, width };
        // SAFETY: passed on.
        unsafe {
            match self.act {
                None => self.store_with::<S, Identity>(region, sums),
                Some(Act::Silu) => self.store_with::<S, Silu>(region, sums),
                Some(Act::Sigmoid) => self.store_with::<S, Sigmoid>(region, sums),
                Some(Act::HardSwish) => self.store_with::<S, HardSwish>(region, sums),
                Some(Act::HardSigmoid) => self.store_with::<S, HardSigmoid>(region, sums),
                Some(Act::Relu) => self.store_with::<S, Relu>(region, sums),
                Some(other) => {
                    let len = pixels * width.next_multiple_of(S::LANES);
                    let all = std::slice::from_raw_parts_mut(sums, len);
                    with_curve!(other, curve => at_all(all, curve));
                    self.store_with::<S, Identity>(region, sums);
                }
            }
        }
    }

    /// N whole vectors per pixel, and no shortcut.
    ///
    /// # Safety
    /// As for [`store`](Epilogue::store).
    #[inline(always)]
    unsafe fn store_whole<S: Simd, A: VectorAct, const N: usize>(
        &self,
        region: Region,
        mut sums: *const f32,
    ) {
        let (mut to, step) = self.address(region.pixel, region.channel);
        for _ in 0..region.pixels {
            for n in 0..N {
                // SAFETY: passed on.
                unsafe { S::store(to.add(n * S::LANES), A::at::<S>(S::load(sums.add(n * S::LANES)))) };
            }
            to = to.wrapping_add(step);
            sums = sums.wrapping_add(N * S::LANES);
        }
    }

    /// # Safety
    /// As for [`store`](Epilogue::store).
    #[inline(always)]
    unsafe fn store_with<S: Simd, A: VectorAct>(&self, region: Region, mut sums: *const f32) {
        let Region { pixel: first, pixels, channel, width } = region;
        if self.shortcut.is_none() && width.is_multiple_of(S::LANES) {
            // SAFETY: passed on.
            unsafe {
                match width / S::LANES {
                    1 => return self.store_whole::<S, A, 1>(region, sums),
                    2 => return self.store_whole::<S, A, 2>(region, sums),
                    4 => return self.store_whole::<S, A, 4>(region, sums),
                    _ => (),
                }
            }
        }
        for pixel in first..first + pixels {
            let mut n = 0;
            while n < width {
                let count = (width - n).min(S::LANES);
                // SAFETY: passed on. Masked loads and stores are slower than whole ones.
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

/// Channels of neighbouring pixels.
#[derive(Clone, Copy)]
struct Region {
    pixel: usize,
    pixels: usize,
    channel: usize,
    width: usize,
}
