//! From coefficients to samples: libjpeg's accurate integer IDCT (`jidctint.c`), step by step, since every
//! rounding in it shows in the result.

use std::array;
use std::num::Wrapping;

use super::frame::Component;

/// Fractional bits of the constants.
const FRACTION: usize = 13;
/// Fractional bits kept between the two passes.
const KEPT: usize = 2;

/// A constant with its fractional bits.
const fn fixed(value: f64) -> Wrapping<i32> {
    Wrapping((value * (1 << FRACTION) as f64 + 0.5) as i32)
}

/// The samples of one colour.
pub(super) struct Plane {
    pub width: usize,
    pub height: usize,
    /// Pixels to a sample, across and down.
    pub step: (usize, usize),
    pitch: usize,
    samples: Vec<u8>,
}

impl Plane {
    /// Works out the samples; nothing if the file had no scan of this colour.
    pub fn new(component: Component) -> Option<Self> {
        let quantisation = component.quantisation?.map(i32::from);
        let pitch = 8 * component.pitch;
        let mut samples = vec![0; 64 * component.blocks.len()];
        let rows = samples
            .chunks_exact_mut(8 * pitch)
            .zip(component.blocks.chunks_exact(component.pitch));
        for (samples, blocks) in rows {
            for (x, block) in blocks.iter().enumerate() {
                let rows = inverse(block, &quantisation);
                for (to, row) in samples[8 * x..].chunks_mut(pitch).zip(rows) {
                    to[..8].copy_from_slice(&row);
                }
            }
        }
        let (width, height) = component.size;
        Some(Self {
            width,
            height,
            step: component.step,
            pitch,
            samples,
        })
    }

    /// The samples of a row; those beyond the last one, of that one.
    pub fn row(&self, y: usize) -> &[u8] {
        &self.samples[y.min(self.height - 1) * self.pitch..][..self.width]
    }
}

/// The samples of a block, in rows.
fn inverse(block: &[i16; 64], quantisation: &[i32; 64]) -> [[u8; 8]; 8] {
    if block[1..] == [0; 63] {
        // What the two passes come to then.
        let value = (i32::from(block[0]) * quantisation[0] + 4) >> 3;
        return [[sample(Wrapping(value)); 8]; 8];
    }
    let value = |at: usize| Wrapping(i32::from(block[at])) * Wrapping(quantisation[at]);
    let columns: [_; 8] = array::from_fn(|x| pass(array::from_fn(|y| value(8 * y + x)), FRACTION - KEPT));
    array::from_fn(|y| pass(array::from_fn(|x| columns[x][y]), FRACTION + KEPT + 3).map(sample))
}

/// Samples are stored around zero.
fn sample(value: Wrapping<i32>) -> u8 {
    (value.0.clamp(-128, 127) + 128) as u8
}

/// One dimension of the transform, by Loeffler, Ligtenberg and Moschytz; rounds off `shift` bits of the result.
fn pass(input: [Wrapping<i32>; 8], shift: usize) -> [Wrapping<i32>; 8] {
    let [c0, c1, c2, c3, c4, c5, c6, c7] = input;

    let turn = (c2 + c6) * fixed(0.541196100);
    let even2 = turn - c6 * fixed(1.847759065);
    let even3 = turn + c2 * fixed(0.765366865);
    let even0 = (c0 + c4) << FRACTION;
    let even1 = (c0 - c4) << FRACTION;
    let evens = [even0 + even3, even1 + even2, even1 - even2, even0 - even3];

    let all = (c7 + c3 + c5 + c1) * fixed(1.175875602);
    let a = (c7 + c1) * -fixed(0.899976223);
    let b = (c5 + c3) * -fixed(2.562915447);
    let c = (c7 + c3) * -fixed(1.961570560) + all;
    let d = (c5 + c1) * -fixed(0.390180644) + all;
    let odds = [
        c1 * fixed(1.501321110) + a + d,
        c3 * fixed(3.072711026) + b + c,
        c5 * fixed(2.053119869) + b + d,
        c7 * fixed(0.298631336) + a + c,
    ];

    let half = Wrapping(1 << (shift - 1));
    array::from_fn(|at| match at {
        0..4 => (evens[at] + odds[at] + half) >> shift,
        _ => (evens[7 - at] - odds[7 - at] + half) >> shift,
    })
}
