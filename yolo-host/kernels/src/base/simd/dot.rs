//! What a micro-kernel multiplies: f32, or the pairs of bf16 and fours of int8 that an instruction set multiplies and adds at
//! once.
#![allow(unsafe_code)] // vector instructions, and loads through pointers

use super::Simd;
use std::marker::PhantomData;

/// A dot product of words of four bytes: one f32, two halves or four int8.
///
/// # Safety
/// All functions need a processor that has the instructions, and pointers to as many numbers as they read or write.
#[allow(clippy::missing_safety_doc)] // said above
pub trait Dot: Copy {
    /// Vectors of f32 with a lane for each output channel.
    type S: Simd;
    /// The sums of a vector of channels, for [`PIXELS`](Dot::PIXELS) pixels.
    type Sum: Copy;
    /// Words of the weights: [`DEPTH`](Dot::DEPTH) of each of a vector's channels.
    type Weights: Copy;
    /// Words of the input: [`WORDS`](Dot::WORDS) of each of [`PIXELS`](Dot::PIXELS) pixels.
    type Input: Copy;
    /// As [`Simd::INFER_TILES`], which it is unless the registers hold something else.
    const TILES: &'static [&'static [usize]] = Self::S::INFER_TILES;
    /// Neighbouring pixels that share a sum: 1, or 2 of an instruction that multiplies matrices.
    const PIXELS: usize = 1;
    /// Words of a pixel that are loaded at once: as many as the input's register has, where an instruction can take any of them.
    const WORDS: usize = 1;
    /// Words of a pixel that [`dot`](Dot::dot) takes.
    const DEPTH: usize = 1;
    /// Whether a panel of four vectors has all its weights loaded at once: else there are registers for those of two.
    const FOUR_AT_ONCE: bool = false;
    /// What sums begin with: bits of the sums' own type, of a vector of channels.
    unsafe fn init(from: *const u32) -> Self::Sum;
    /// Words of the weights.
    unsafe fn load_weights(from: *const u32) -> Self::Weights;
    /// The same of four vectors of channels that lie side by side, behind which the pointer is moved.
    #[inline(always)]
    unsafe fn load_four(from: &mut *const u32) -> [Self::Weights; 4] {
        let [a, b, c, d] = [0, 1, 2, 3].map(|n| from.wrapping_add(n * Self::DEPTH * Self::S::LANES));
        *from = from.wrapping_add(4 * Self::DEPTH * Self::S::LANES);
        // SAFETY: see the trait.
        unsafe {
            [Self::load_weights(a), Self::load_weights(b), Self::load_weights(c), Self::load_weights(d)]
        }
    }
    /// `WORDS` words of pixels that are `step` bytes apart, at any address.
    unsafe fn load_input(from: *const u8, step: usize) -> Self::Input;
    /// `DEPTH` words of them, for step 0 of [`dot`](Dot::dot).
    unsafe fn load_step(from: *const u8, step: usize) -> Self::Input;
    /// sum + x · w, by channel, with the products of `DEPTH` words added up: those from `STEP` × `DEPTH` on of the input.
    unsafe fn dot<const STEP: i32>(sum: Self::Sum, x: Self::Input, w: Self::Weights) -> Self::Sum;
    /// Sums as f32, a vector for each pixel, `pitch` floats apart: whole numbers and halves times `scale` plus `bias`, of each a
    /// vector; those of f32 have the bias already.
    unsafe fn store(sum: Self::Sum, scale: *const f32, bias: *const f32, to: *mut f32, pitch: usize);
}

/// A [`Dot`] in less than f32, and the conversion of its input.
///
/// # Safety
/// As for [`Dot`].
#[allow(clippy::missing_safety_doc)] // said above
pub trait LowPrecisionDot: Dot {
    /// Bytes of a number.
    const BYTES: usize;
    /// Whether inputs that are zero may be left out: in int8, zero is a number as any other.
    const SKIPS_ZEROS: bool;
    /// What an input of int8 is moved down by: 128 where the instruction takes bytes with a sign.
    const OFFSET: i32 = 0;
    /// Whether weights lie by the place in a word: the first numbers of a vector's channels, then the second ones.
    const PARTS_APART: bool = false;

    /// Converts `count` numbers, at most a vector.
    unsafe fn convert(from: *const f32, count: usize, params: &QuantParams, to: *mut u8);
}

/// A kernel that is compiled for a dot product. Its function is `#[inline(always)]`, as are those of
/// [`dispatch`](super::dispatch).
pub trait DotKernel {
    /// # Safety
    /// The processor has the instructions; and what the kernel itself asks for.
    unsafe fn run<D: LowPrecisionDot>(self);
}

/// How inputs become whole numbers: round(x · `inverse_scale`), cut off at `low` and `high`, plus `zero_point`. Floating point
/// has no use for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantParams {
    /// Steps per unit.
    pub inverse_scale: f32,
    /// The lowest step, which becomes 0: −`zero_point`.
    pub low: f32,
    /// The highest step, which becomes 255.
    pub high: f32,
    /// What zero becomes.
    pub zero_point: i32,
}

impl QuantParams {
    /// For floating point.
    pub const NONE: QuantParams = QuantParams { inverse_scale: 1.0, low: 0.0, high: 0.0, zero_point: 0 };

    /// 255 steps over a range, which is widened to have zero in it; nothing for a range without extent, or without end.
    pub fn over([low, high]: [f32; 2]) -> Option<Self> {
        let (low, high) = (f64::from(low).min(0.0), f64::from(high).max(0.0));
        let step = (high - low) / 255.0;
        let inverse_scale = (1.0 / step) as f32;
        if !(step.is_finite() && inverse_scale.is_normal()) {
            return None;
        }
        let zero = (-low / step).round_ties_even().clamp(0.0, 255.0);
        Some(QuantParams {
            inverse_scale,
            low: -zero as f32,
            high: (255.0 - zero) as f32,
            zero_point: zero as i32,
        })
    }
}

/// The most products of an input of 0 to 255 and a weight of −127 to 127 that a sum of 32 bits holds, whatever they are.
pub const MAX_INT8_TERMS: usize = i32::MAX as usize / (255 * 127);

/// The upper half of a float, rounded to the nearest, halves to even.
#[inline(always)]
pub fn round_to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    match value.is_nan() {
        // Rounding could carry into the sign; a set bit of the mantissa keeps it a NaN.
        true => (bits >> 16) as u16 | 0x40,
        false => ((bits.wrapping_add(0x7fff + (bits >> 16 & 1))) >> 16) as u16,
    }
}

/// f32, whose sums begin with the bias.
#[derive(Clone, Copy)]
pub struct F32Dot<S>(PhantomData<S>);

impl<S: Simd> Dot for F32Dot<S> {
    type S = S;
    type Sum = S::V;
    type Weights = S::V;
    type Input = S::V;
    const WORDS: usize = S::INPUT_FLOATS;
    const FOUR_AT_ONCE: bool = true;

    #[inline(always)]
    unsafe fn init(from: *const u32) -> S::V {
        // SAFETY: see the trait.
        unsafe { S::load(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_weights(from: *const u32) -> S::V {
        // SAFETY: see the trait.
        unsafe { S::load(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_four(from: &mut *const u32) -> [S::V; 4] {
        let mut floats = from.cast();
        // SAFETY: see the trait.
        let vectors = unsafe { S::load_four(&mut floats) };
        *from = floats.cast();
        vectors
    }

    #[inline(always)]
    unsafe fn load_input(from: *const u8, _step: usize) -> S::V {
        // SAFETY: see the trait.
        unsafe { S::load_input(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_step(from: *const u8, _step: usize) -> S::V {
        // SAFETY: see the trait.
        unsafe { S::splat(from.cast::<f32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn dot<const STEP: i32>(sum: S::V, x: S::V, w: S::V) -> S::V {
        // SAFETY: see the trait.
        unsafe { S::mul_add_lane::<STEP>(w, x, sum) }
    }

    #[inline(always)]
    unsafe fn store(sum: S::V, _scale: *const f32, _bias: *const f32, to: *mut f32, _pitch: usize) {
        // SAFETY: see the trait.
        unsafe { S::store(to, sum) }
    }
}

#[cfg(test)]
mod tests {
    use super::round_to_bf16;

    #[test]
    fn round_to_bf16_matches_half() {
        let numbers = (0..=u32::MAX).step_by(65_521).map(f32::from_bits);
        let edges = [
            0.0,
            -0.0,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::MAX,
            f32::MIN_POSITIVE,
            1.003_906_2,
            1.011_718_8,
        ];
        for value in numbers.chain(edges) {
            let expected = half::bf16::from_f32(value);
            let given = half::bf16::from_bits(round_to_bf16(value));
            assert!(given.to_bits() == expected.to_bits() || given.is_nan() && expected.is_nan(), "{value}");
        }
    }
}
