//! The micro-kernel: a tile of MR pixels by N vectors of output channels, whose sums stay in registers while the input and the
//! packed weights pass by once.
#![allow(unsafe_code)] // loads and stores through pointers

use super::tile_height::{are_among, heights, is_among};
use crate::base::aligned::CACHE_LINE;
use crate::base::prefetch::{loads_stay_behind, pin_in_register, prefetch, prefetch_to_write};
use crate::base::simd::Simd;
use crate::base::simd::dot::Dot;

/// Input words that lie side by side in every pixel, and which rows of the weights they are multiplied by.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// The words of the first pixel, at any address.
    pub from: *const u8,
    /// Bytes from pixel to pixel.
    pub step: usize,
    /// How many words.
    pub count: usize,
    /// The first row of the weights `[rows, nr]`.
    pub row: usize,
}

impl Segment {
    /// Floats, so many from pixel to pixel.
    pub fn of_floats(from: *const f32, step: usize, count: usize, row: usize) -> Self {
        Segment { from: from.cast(), step: step * size_of::<f32>(), count, row }
    }
}

/// What a tile is multiplied by, and where its sums go.
#[derive(Clone, Copy, Debug)]
pub struct Tile {
    /// Words `[rows, nr]`.
    pub weight: *const u32,
    /// Words that the sums of every pixel begin with: `[nr]`.
    pub init: *const u32,
    /// What [`Dot::to_f32`] multiplies by: `[nr]`.
    pub scale: *const f32,
    /// What [`Dot::to_f32`] adds: `[nr]`.
    pub bias: *const f32,
    /// Accumulators `[pixels, nr]`.
    pub to: *mut f32,
    /// Floats from pixel to pixel there.
    pub pitch: usize,
    /// Memory of the next tile.
    pub prefetch: Prefetch,
}

/// Memory that is prefetched while a tile is computed: it lies in too many places for the processor to guess.
#[derive(Clone, Copy, Debug)]
pub struct Prefetch {
    /// The input so many pixels further; none if 0.
    pub input_pixels: usize,
    /// Where the epilogue will put the next tile …
    pub target: *mut f32,
    /// … and floats from pixel to pixel there; nowhere if 0.
    pub target_step: usize,
}

impl Prefetch {
    /// Nothing.
    pub const NONE: Prefetch = Prefetch { input_pixels: 0, target: std::ptr::null_mut(), target_step: 0 };
}

/// Computes the sums of pixels `x` to `x` + `pixels`, which is one of the heights of the dot product's tiles.
///
/// # Safety
/// The processor has the instructions; all of it can be read, and written.
#[inline(always)]
pub unsafe fn compute<D: Dot, const N: usize>(pixels: usize, x: usize, segments: &[Segment], tile: &Tile) {
    // One branch for each height that the set has; others are not compiled.
    macro_rules! heights {
        ($($height:literal $kernel:ident)*) => {
            $(
                if const { is_among($height * D::PIXELS, heights::<D>(N)) } && pixels == $height * D::PIXELS {
                    // SAFETY: passed on.
                    return unsafe { $kernel::<D, N>(x, segments, tile) };
                }
            )*
            const { assert!(are_among(heights::<D>(N), D::PIXELS, &[$($height,)* 1]), "a height without a micro-kernel") };
        };
    }
    heights!(28 p28 20 p20 14 p14 13 p13 10 p10 8 p8 6 p6 5 p5 4 p4 3 p3 2 p2);
    // SAFETY: passed on.
    unsafe { p1::<D, N>(x, segments, tile) }
}

#[inline(always)]
unsafe fn init<D: Dot, const N: usize>(from: *const u32) -> [D::Sum; N] {
    // SAFETY: passed on.
    unsafe {
        let mut v = [D::init(from); N];
        for (n, v) in v.iter_mut().enumerate() {
            *v = D::init(from.add(n * D::S::LANES));
        }
        v
    }
}

#[inline(always)]
unsafe fn load<D: Dot, const N: usize>(from: *const u32) -> [D::Weights; N] {
    // SAFETY: passed on.
    unsafe {
        let mut v = [D::load_weights(from); N];
        for (n, v) in v.iter_mut().enumerate() {
            *v = D::load_weights(from.add(n * D::DEPTH * D::S::LANES));
        }
        v
    }
}

#[inline(always)]
unsafe fn add<D: Dot, const N: usize, const STEP: i32>(
    sum: &mut [D::Sum; N],
    x: D::Input,
    w: &[D::Weights; N],
) {
    for (sum, w) in sum.iter_mut().zip(w) {
        // SAFETY: passed on.
        *sum = unsafe { D::dot::<STEP>(*sum, x, *w) };
    }
}

/// [`add`] for the first two vectors.
#[inline(always)]
unsafe fn add_two<D: Dot, const STEP: i32>(sum: &mut [D::Sum], x: D::Input, w: &[D::Weights; 2]) {
    // SAFETY: passed on.
    unsafe {
        sum[0] = D::dot::<STEP>(sum[0], x, w[0]);
        sum[1] = D::dot::<STEP>(sum[1], x, w[1]);
    }
}

/// Prefetches where a pixel's sums will be stored.
#[inline(always)]
fn prefetch_target<D: Dot, const N: usize>(to: *mut f32) {
    for n in 0..N {
        prefetch_to_write(to.wrapping_add(n * D::S::LANES));
    }
}

#[inline(always)]
unsafe fn store<D: Dot, const N: usize>(tile: &Tile, pixel: usize, v: [D::Sum; N]) {
    // SAFETY: passed on.
    unsafe {
        for (n, v) in v.into_iter().enumerate() {
            let at = n * D::S::LANES;
            let (scale, bias) = (tile.scale.wrapping_add(at), tile.bias.wrapping_add(at));
            D::store(v, scale, bias, tile.to.add(pixel * tile.pitch + at), tile.pitch);
        }
    }
}

/// A micro-kernel with a variable for each sum: the compiler does not always keep an array in registers. A sum is of one pixel, or
/// of the neighbouring ones that the dot product takes together. Three share a pointer: an x86 address adds no, one or two steps
/// to it.
macro_rules! micro_kernel {
    ($name:ident: $($base:ident $first:literal [$($sum:ident $input:ident $k:literal),+])+) => {
        /// # Safety
        /// As for [`compute`].
        #[inline(always)]
        unsafe fn $name<D: Dot, const N: usize>(x: usize, segments: &[Segment], tile: &Tile) {
            // SAFETY: passed on.
            unsafe {
                let Prefetch { input_pixels: ahead, target: next, target_step: next_step } = tile.prefetch;
                if next_step != 0 {
                    $($(prefetch_target::<D, N>(next.wrapping_add(($first + $k) * D::PIXELS * next_step));)+)+
                }
                let init = init::<D, N>(tile.init);
                $($(let mut $sum = init;)+)+
                for segment in segments {
                    let Segment { from, step, count, row } = *segment;
                    let mut weight = tile.weight.add(row * N * D::S::LANES);
                    $(let mut $base = from.wrapping_add((x + $first * D::PIXELS) * step);)+
                    let mut left = count;
                    // A register full of each pixel's words, one after the other.
                    while D::WORDS > 1 && left >= D::WORDS {
                        $($base = pin_in_register($base);)+
                        $($(let $input = D::load_input($base.wrapping_add($k * D::PIXELS * step), step);)+)+
                        one_step!(D, N, 0, weight, [$($($sum $input)+)+]);
                        one_step!(D, N, 1, weight, [$($($sum $input)+)+]);
                        one_step!(D, N, 2, weight, [$($($sum $input)+)+]);
                        one_step!(D, N, 3, weight, [$($($sum $input)+)+]);
                        $($base = $base.wrapping_add(4 * D::WORDS);)+
                        left -= D::WORDS;
                    }
                    while left > 0 {
                        if ahead != 0 && D::WORDS == 1 {
                            $(let next = pin_in_register($base.wrapping_add(ahead * step));
                            $(prefetch(next.wrapping_add($k * step));)+)+
                        }
                        let end = left.saturating_sub(CACHE_LINE);
                        while left > end {
                            $($base = pin_in_register($base);)+
                            let w = load::<D, N>(weight);
                            $($(add::<D, N, 0>(
                                &mut $sum,
                                D::load_step($base.wrapping_add($k * D::PIXELS * step), step),
                                &w,
                            );)+)+
                            $($base = $base.wrapping_add(4 * D::DEPTH);)+
                            weight = weight.wrapping_add(N * D::DEPTH * D::S::LANES);
                            left -= D::DEPTH;
                        }
                    }
                }
                $($(store::<D, N>(tile, ($first + $k) * D::PIXELS, $sum);)+)+
            }
        }
    };
}

/// One step of a micro-kernel with the inputs in registers, if a register has so many: with two vectors of weights at a time,
/// or four.
macro_rules! one_step {
    ($D:ident, $N:ident, $step:literal, $weight:ident, [$($sum:ident $input:ident)+]) => {
        if const { $step < $D::WORDS / $D::DEPTH } {
            let mut n = 0;
            if $N == 4 && $D::FOUR_AT_ONCE {
                let w = $D::load_four(&mut $weight);
                $(for n in 0..$N {
                    $sum[n] = $D::dot::<$step>($sum[n], $input, w[n]);
                })+
                n = 4;
            }
            while n + 1 < $N {
                let w = load::<$D, 2>($weight);
                $(add_two::<$D, $step>(&mut $sum[n..], $input, &w);)+
                $weight = $weight.wrapping_add(2 * $D::DEPTH * $D::S::LANES);
                n += 2;
                loads_stay_behind();
            }
            if n < $N {
                let w = load::<$D, 1>($weight);
                $($sum[n] = $D::dot::<$step>($sum[n], $input, w[0]);)+
                $weight = $weight.wrapping_add($D::DEPTH * $D::S::LANES);
            }
        }
    };
}

micro_kernel!(p28: a 0 [a0 xa0 0, a1 xa1 1, a2 xa2 2] b 3 [b0 xb0 0, b1 xb1 1, b2 xb2 2] c 6 [c0 xc0 0, c1 xc1 1, c2 xc2 2] d 9 [d0 xd0 0, d1 xd1 1, d2 xd2 2]
    e 12 [e0 xe0 0, e1 xe1 1, e2 xe2 2] f 15 [f0 xf0 0, f1 xf1 1, f2 xf2 2] g 18 [g0 xg0 0, g1 xg1 1, g2 xg2 2] h 21 [h0 xh0 0, h1 xh1 1, h2 xh2 2]
    i 24 [i0 xi0 0, i1 xi1 1, i2 xi2 2] j 27 [j0 xj0 0]);
micro_kernel!(p20: a 0 [a0 xa0 0, a1 xa1 1, a2 xa2 2] b 3 [b0 xb0 0, b1 xb1 1, b2 xb2 2] c 6 [c0 xc0 0, c1 xc1 1, c2 xc2 2] d 9 [d0 xd0 0, d1 xd1 1, d2 xd2 2]
    e 12 [e0 xe0 0, e1 xe1 1, e2 xe2 2] f 15 [f0 xf0 0, f1 xf1 1, f2 xf2 2] g 18 [g0 xg0 0, g1 xg1 1]);
micro_kernel!(p14: a 0 [a0 xa0 0, a1 xa1 1, a2 xa2 2] b 3 [b0 xb0 0, b1 xb1 1, b2 xb2 2] c 6 [c0 xc0 0, c1 xc1 1, c2 xc2 2] d 9 [d0 xd0 0, d1 xd1 1, d2 xd2 2]
    e 12 [e0 xe0 0, e1 xe1 1]);
micro_kernel!(p13: a 0 [a0 xa0 0, a1 xa1 1, a2 xa2 2] b 3 [b0 xb0 0, b1 xb1 1, b2 xb2 2] c 6 [c0 xc0 0, c1 xc1 1, c2 xc2 2] d 9 [d0 xd0 0, d1 xd1 1, d2 xd2 2]
    e 12 [e0 xe0 0]);
micro_kernel!(p10: a 0 [a0 xa0 0, a1 xa1 1, a2 xa2 2] b 3 [b0 xb0 0, b1 xb1 1, b2 xb2 2] c 6 [c0 xc0 0, c1 xc1 1, c2 xc2 2] d 9 [d0 xd0 0]);
micro_kernel!(p8: a 0 [a0 xa0 0, a1 xa1 1, a2 xa2 2] b 3 [b0 xb0 0, b1 xb1 1, b2 xb2 2] c 6 [c0 xc0 0, c1 xc1 1]);
micro_kernel!(p6: a 0 [a0 xa0 0, a1 xa1 1, a2 xa2 2] b 3 [b0 xb0 0, b1 xb1 1, b2 xb2 2]);
micro_kernel!(p5: a 0 [a0 xa0 0, a1 xa1 1, a2 xa2 2] b 3 [b0 xb0 0, b1 xb1 1]);
micro_kernel!(p4: a 0 [a0 xa0 0, a1 xa1 1, a2 xa2 2] b 3 [b0 xb0 0]);
micro_kernel!(p3: a 0 [a0 xa0 0, a1 xa1 1, a2 xa2 2]);
micro_kernel!(p2: a 0 [a0 xa0 0, a1 xa1 1]);
micro_kernel!(p1: a 0 [a0 xa0 0]);
