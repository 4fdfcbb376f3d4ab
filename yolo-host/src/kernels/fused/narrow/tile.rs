//! The sums of a tile of pixels by vectors of channels, held in registers: as [`tile`](crate::kernels::fused::tile), on words
//! of several numbers.
#![allow(unsafe_code)] // loads and stores through pointers

use super::format::Kernel;
use crate::kernels::fused::tile::held;
use crate::kernels::simd::Simd;

/// Words that lie side by side in every pixel, and which rows of the weight they meet.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Those of the first pixel, at any address.
    pub from: *const u8,
    /// Bytes from pixel to pixel.
    pub step: usize,
    /// How many words.
    pub count: usize,
    /// The first row of the weight `[rows, vectors]`.
    pub row: usize,
}

/// What a tile is multiplied with, and where its sums go.
#[derive(Clone, Copy, Debug)]
pub struct Sums {
    /// `[rows, vectors]`
    pub weight: *const u32,
    /// What sums begin with, and what [`Kernel::finish`] takes: `[vectors]`
    pub start: *const u32,
    /// See there.
    pub scale: *const f32,
    /// See there.
    pub bias: *const f32,
    /// `[pixels, vectors]`
    pub to: *mut f32,
    /// From pixel to pixel there.
    pub pitch: usize,
}

/// Computes the sums of pixels `x` to `x` + `pixels`, which is one of the sizes of
/// [`size`](crate::kernels::fused::tile::size).
///
/// # Safety
/// The processor has the instructions; all of it can be read, and written.
#[inline(always)]
pub unsafe fn sums<K: Kernel, const N: usize>(pixels: usize, x: usize, segments: &[Segment], sums: &Sums) {
    // SAFETY: passed on.
    unsafe {
        if K::S::LANES == 16 {
            if N == 1 {
                match pixels {
                    28 => return p28::<K, N>(x, segments, sums),
                    20 => return p20::<K, N>(x, segments, sums),
                    _ => (),
                }
            }
            match pixels {
                14 => return p14::<K, N>(x, segments, sums),
                13 => return p13::<K, N>(x, segments, sums),
                10 => return p10::<K, N>(x, segments, sums),
                _ => (),
            }
        }
        match pixels {
            6 => p6::<K, N>(x, segments, sums),
            5 => p5::<K, N>(x, segments, sums),
            4 => p4::<K, N>(x, segments, sums),
            2 => p2::<K, N>(x, segments, sums),
            _ => p1::<K, N>(x, segments, sums),
        }
    }
}

#[inline(always)]
unsafe fn start<K: Kernel, const N: usize>(from: *const u32) -> [K::Sum; N] {
    // SAFETY: passed on.
    unsafe {
        let mut v = [K::start(from); N];
        for (n, v) in v.iter_mut().enumerate() {
            *v = K::start(from.add(n * K::S::LANES));
        }
        v
    }
}

#[inline(always)]
unsafe fn load<K: Kernel, const N: usize>(from: *const u32) -> [K::Words; N] {
    // SAFETY: passed on.
    unsafe {
        let mut v = [K::load(from); N];
        for (n, v) in v.iter_mut().enumerate() {
            *v = K::load(from.add(n * K::S::LANES));
        }
        v
    }
}

#[inline(always)]
unsafe fn add<K: Kernel, const N: usize>(sum: &mut [K::Sum; N], x: *const u8, w: &[K::Words; N]) {
    // SAFETY: passed on.
    unsafe {
        let x = K::splat(x);
        for (sum, w) in sum.iter_mut().zip(w) {
            *sum = K::dot(*sum, x, *w);
        }
    }
}

#[inline(always)]
unsafe fn store<K: Kernel, const N: usize>(sums: &Sums, pixel: usize, v: [K::Sum; N]) {
    // SAFETY: passed on.
    unsafe {
        for (n, v) in v.into_iter().enumerate() {
            let at = n * K::S::LANES;
            let wide = K::finish(v, sums.scale.add(at), sums.bias.add(at));
            K::S::store(sums.to.add(pixel * sums.pitch + at), wide);
        }
    }
}

/// A tile with a variable for each pixel: the compiler does not always keep an array in registers. Three pixels share a
/// pointer, none, one and two steps from it, which is as far as an address reaches.
macro_rules! tile {
    ($name:ident: $($base:ident $first:literal [$($sum:ident $k:literal),+])+) => {
        /// # Safety
        /// As for [`sums`].
        #[inline(always)]
        unsafe fn $name<K: Kernel, const N: usize>(x: usize, segments: &[Segment], sums: &Sums) {
            // SAFETY: passed on.
            unsafe {
                let start = start::<K, N>(sums.start);
                $($(let mut $sum = start;)+)+
                for segment in segments {
                    let Segment { from, step, count, row } = *segment;
                    let mut weight = sums.weight.add(row * N * K::S::LANES);
                    $(let mut $base = from.wrapping_add((x + $first) * step);)+
                    for _ in 0..count {
                        $($base = held($base);)+
                        let w = load::<K, N>(weight);
                        $($(add::<K, N>(&mut $sum, $base.wrapping_add($k * step), &w);)+)+
                        $($base = $base.wrapping_add(4);)+
                        weight = weight.wrapping_add(N * K::S::LANES);
                    }
                }
                $($(store::<K, N>(sums, $first + $k, $sum);)+)+
            }
        }
    };
}

tile!(p28: a 0 [a0 0, a1 1, a2 2] b 3 [b0 0, b1 1, b2 2] c 6 [c0 0, c1 1, c2 2] d 9 [d0 0, d1 1, d2 2]
    e 12 [e0 0, e1 1, e2 2] f 15 [f0 0, f1 1, f2 2] g 18 [g0 0, g1 1, g2 2] h 21 [h0 0, h1 1, h2 2]
    i 24 [i0 0, i1 1, i2 2] j 27 [j0 0]);
tile!(p20: a 0 [a0 0, a1 1, a2 2] b 3 [b0 0, b1 1, b2 2] c 6 [c0 0, c1 1, c2 2] d 9 [d0 0, d1 1, d2 2]
    e 12 [e0 0, e1 1, e2 2] f 15 [f0 0, f1 1, f2 2] g 18 [g0 0, g1 1]);
tile!(p14: a 0 [a0 0, a1 1, a2 2] b 3 [b0 0, b1 1, b2 2] c 6 [c0 0, c1 1, c2 2] d 9 [d0 0, d1 1, d2 2]
    e 12 [e0 0, e1 1]);
tile!(p13: a 0 [a0 0, a1 1, a2 2] b 3 [b0 0, b1 1, b2 2] c 6 [c0 0, c1 1, c2 2] d 9 [d0 0, d1 1, d2 2]
    e 12 [e0 0]);
tile!(p10: a 0 [a0 0, a1 1, a2 2] b 3 [b0 0, b1 1, b2 2] c 6 [c0 0, c1 1, c2 2] d 9 [d0 0]);
tile!(p6: a 0 [a0 0, a1 1, a2 2] b 3 [b0 0, b1 1, b2 2]);
tile!(p5: a 0 [a0 0, a1 1, a2 2] b 3 [b0 0, b1 1]);
tile!(p4: a 0 [a0 0, a1 1, a2 2] b 3 [b0 0]);
tile!(p2: a 0 [a0 0, a1 1]);
tile!(p1: a 0 [a0 0]);
