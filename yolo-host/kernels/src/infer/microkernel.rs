//! The sums of a tile of pixels by vectors of channels, held in registers.
#![allow(unsafe_code)] // loads and stores through pointers

use crate::base::aligned::LINE;
use crate::base::isa::Isa;
use crate::base::prefetch::{pin_in_register, prefetch, prefetch_to_write};
use crate::base::simd::Simd;
use crate::base::simd::dot::Dot;

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

impl Segment {
    /// Of f32, so many from pixel to pixel.
    pub fn of_floats(from: *const f32, step: usize, count: usize, row: usize) -> Self {
        Segment { from: from.cast(), step: step * size_of::<f32>(), count, row }
    }
}

/// What a tile is multiplied with, and where its sums go.
#[derive(Clone, Copy, Debug)]
pub struct Sums {
    /// `[rows, vectors]`
    pub weight: *const u32,
    /// What sums begin with, and what [`Dot::to_f32`] takes: `[vectors]`
    pub start: *const u32,
    /// See there.
    pub scale: *const f32,
    /// See there.
    pub bias: *const f32,
    /// `[pixels, vectors]`
    pub to: *mut f32,
    /// From pixel to pixel there.
    pub pitch: usize,
    /// What comes next.
    pub ahead: Ahead,
}

/// Memory that is asked for while a tile is computed: it lies in too many places for the processor to guess.
#[derive(Clone, Copy, Debug)]
pub struct Ahead {
    /// The input so many pixels further; none if 0.
    pub pixels: usize,
    /// Where sums of the next tile are put in the end …
    pub to: *mut f32,
    /// … and numbers from pixel to pixel there; nowhere if 0.
    pub step: usize,
}

impl Ahead {
    /// Nothing.
    pub const NONE: Ahead = Ahead { pixels: 0, to: std::ptr::null_mut(), step: 0 };
}

/// MR that are tried for panels of so many vectors.
const fn heights<S: Simd>(vectors: usize) -> &'static [usize] {
    if vectors <= S::INFER_TILES.len() { S::INFER_TILES[vectors - 1] } else { &[] }
}

/// Whether a set has tiles of so many pixels by so many vectors.
const fn has_tile<S: Simd>(pixels: usize, vectors: usize) -> bool {
    let heights = heights::<S>(vectors);
    let mut i = 0;
    while i < heights.len() {
        if heights[i] == pixels {
            return true;
        }
        i += 1;
    }
    false
}

/// The size of tiles, none above `width`, that cover so many pixels with the fewest steps.
pub fn size<S: Simd, const N: usize>(width: usize) -> usize {
    fewest(width, const { heights::<S>(N) })
}

/// Time for so many pixels of the widest panel, in pixels.
pub fn cost(isa: Isa, width: usize) -> usize {
    let size = fewest(width, isa.tiling().infer.last().copied().unwrap_or_default());
    width.div_ceil(size) * (size + 1)
}

fn fewest(width: usize, sizes: &[usize]) -> usize {
    let fitting = sizes.iter().copied().filter(|size| *size <= width);
    fitting.min_by_key(|size| width.div_ceil(*size) * (size + 1)).unwrap_or(1)
}

/// Computes the sums of pixels `x` to `x` + `pixels`, which is one of the sizes of [`size`].
///
/// # Safety
/// The processor has the instructions; all of it can be read, and written.
#[inline(always)]
pub unsafe fn sums<K: Dot, const N: usize>(pixels: usize, x: usize, segments: &[Segment], sums: &Sums) {
    // One branch for each tile of the set; those of other sets are not even compiled.
    macro_rules! tiles {
        ($($size:literal $tile:ident)*) => {
            $(
                if const { has_tile::<K::S>($size, N) } && pixels == $size {
                    // SAFETY: passed on.
                    return unsafe { $tile::<K, N>(x, segments, sums) };
                }
            )*
            const { assert!(covers::<K::S>(&[$($size,)* 1], N), "a tile without a micro-kernel") };
        };
    }
    tiles!(28 p28 20 p20 14 p14 13 p13 10 p10 6 p6 5 p5 4 p4 2 p2);
    // SAFETY: passed on.
    unsafe { p1::<K, N>(x, segments, sums) }
}

/// Whether all tiles of a set with so many vectors are among some sizes.
const fn covers<S: Simd>(sizes: &[usize], vectors: usize) -> bool {
    let heights = heights::<S>(vectors);
    let mut i = 0;
    while i < heights.len() {
        let mut k = 0;
        while k < sizes.len() && sizes[k] != heights[i] {
            k += 1;
        }
        if k == sizes.len() {
            return false;
        }
        i += 1;
    }
    true
}

#[inline(always)]
unsafe fn start<K: Dot, const N: usize>(from: *const u32) -> [K::Sum; N] {
    // SAFETY: passed on.
    unsafe {
        let mut v = [K::init(from); N];
        for (n, v) in v.iter_mut().enumerate() {
            *v = K::init(from.add(n * K::S::LANES));
        }
        v
    }
}

#[inline(always)]
unsafe fn load<K: Dot, const N: usize>(from: *const u32) -> [K::Words; N] {
    // SAFETY: passed on.
    unsafe {
        let mut v = [K::load_weights(from); N];
        for (n, v) in v.iter_mut().enumerate() {
            *v = K::load_weights(from.add(n * K::S::LANES));
        }
        v
    }
}

#[inline(always)]
unsafe fn add<K: Dot, const N: usize>(sum: &mut [K::Sum; N], x: *const u8, w: &[K::Words; N]) {
    // SAFETY: passed on.
    unsafe {
        let x = K::broadcast(x);
        for (sum, w) in sum.iter_mut().zip(w) {
            *sum = K::dot(*sum, x, *w);
        }
    }
}

/// Asks for the place of a pixel's sums.
#[inline(always)]
fn claim<K: Dot, const N: usize>(to: *mut f32) {
    for n in 0..N {
        prefetch_to_write(to.wrapping_add(n * K::S::LANES));
    }
}

#[inline(always)]
unsafe fn store<K: Dot, const N: usize>(sums: &Sums, pixel: usize, v: [K::Sum; N]) {
    // SAFETY: passed on.
    unsafe {
        for (n, v) in v.into_iter().enumerate() {
            let at = n * K::S::LANES;
            let wide = K::to_f32(v, sums.scale.wrapping_add(at), sums.bias.wrapping_add(at));
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
        unsafe fn $name<K: Dot, const N: usize>(x: usize, segments: &[Segment], sums: &Sums) {
            // SAFETY: passed on.
            unsafe {
                let Ahead { pixels: ahead, to: next, step: next_step } = sums.ahead;
                if next_step != 0 {
                    $($(claim::<K, N>(next.wrapping_add(($first + $k) * next_step));)+)+
                }
                let start = start::<K, N>(sums.start);
                $($(let mut $sum = start;)+)+
                for segment in segments {
                    let Segment { from, step, count, row } = *segment;
                    let mut weight = sums.weight.add(row * N * K::S::LANES);
                    $(let mut $base = from.wrapping_add((x + $first) * step);)+
                    let mut left = count;
                    while left > 0 {
                        if ahead != 0 {
                            $(let next = pin_in_register($base.wrapping_add(ahead * step));
                            $(prefetch(next.wrapping_add($k * step));)+)+
                        }
                        let end = left.saturating_sub(LINE);
                        while left > end {
                            $($base = pin_in_register($base);)+
                            let w = load::<K, N>(weight);
                            $($(add::<K, N>(&mut $sum, $base.wrapping_add($k * step), &w);)+)+
                            $($base = $base.wrapping_add(4);)+
                            weight = weight.wrapping_add(N * K::S::LANES);
                            left -= 1;
                        }
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

#[cfg(test)]
mod tests {
    use super::fewest;

    #[test]
    fn few_tiles_cover_a_line() {
        assert_eq!(fewest(20, &[14, 10, 6]), 10);
        assert_eq!(fewest(448, &[14, 10, 6]), 14);
        assert_eq!(fewest(3, &[14, 2, 1]), 2);
    }
}
