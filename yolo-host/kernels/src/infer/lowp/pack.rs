//! Weights in bf16, fp16 and int8, packed in the order in which the micro-kernel reads them.

use super::precision::LowPrecision;
use crate::base::aligned::AlignedBuf;
use crate::base::dot_product::DotLayout;
use crate::base::simd::dot::{MAX_INT8_TERMS, QuantParams, round_to_bf16};
use crate::infer::layer::Layer;
use crate::infer::panel::{ChannelPanel, channel_panels};
use half::f16;

/// Packed weights, a panel of output channels after the other.
#[derive(Debug)]
pub struct Packed {
    pub panels: Vec<ChannelPanel>,
    /// Words of an output channel: every row of the window begins with a new one.
    pub depth: usize,
    /// Words `[depth, nr]` of each panel, as floats of the same bits.
    pub weights: AlignedBuf,
    /// Words that sums begin with, as floats of the same bits: `[nr]` of each panel. In int8, minus what the zero point of the
    /// input adds.
    pub init: AlignedBuf,
    /// What sums of int8 are multiplied by: `[nr]` of each panel.
    pub scale: AlignedBuf,
    /// What is added then: `[nr]` of each panel.
    pub bias: AlignedBuf,
    /// How the input is converted.
    pub params: QuantParams,
}

impl Packed {
    /// Packs for a dot product; nothing where sums of int8 could overflow or inputs have no range.
    pub fn new(precision: LowPrecision, dot: DotLayout, layer: &Layer) -> Option<Self> {
        let Layer { window, weight, bias, order, .. } = layer;
        let (cin, [rows, columns]) = (order.len(), window.kernel);
        let params = match precision {
            LowPrecision::Bf16 | LowPrecision::Fp16 => QuantParams::NONE,
            LowPrecision::Int8(range) => {
                QuantParams::over(range).filter(|_| cin * rows * columns <= MAX_INT8_TERMS)?
            }
        };
        let (panels, padded) = channel_panels(&dot.tiling, bias);
        let row = (columns * cin * precision.bytes()).div_ceil(4).next_multiple_of(dot.depth);
        let (depth, per_word) = (rows * row, 4 / precision.bytes());
        let mut packed = Packed {
            panels,
            depth,
            weights: AlignedBuf::zeros(depth * padded.len()),
            init: AlignedBuf::from(&padded[..]),
            scale: AlignedBuf::from(&vec![1.0; padded.len()][..]),
            bias: AlignedBuf::from(&padded[..]),
            params,
        };
        for panel in packed.panels.clone() {
            for out in 0..panel.width {
                let own = &weight[(panel.start + out) * cin * rows * columns..][..cin * rows * columns];
                let lane = panel.offset + out;
                let largest = own.iter().fold(0.0f32, |most, weight| most.max(weight.abs()));
                let step = f64::from(if largest > 0.0 { largest } else { 1.0 }) / 127.0;
                let mut sum = 0i64;
                for ky in 0..rows {
                    for at in 0..columns * cin {
                        let (kx, channel) = (at / cin, order[at % cin]);
                        let value = own[(channel * rows + ky) * columns + kx];
                        let bits = match precision {
                            LowPrecision::Bf16 => u32::from(round_to_bf16(value)),
                            LowPrecision::Fp16 => u32::from(f16::from_f32(value).to_bits()),
                            LowPrecision::Int8(_) => {
                                let whole =
                                    (f64::from(value) / step).round_ties_even().clamp(-127.0, 127.0) as i8;
                                sum += i64::from(whole);
                                u32::from(whole as u8)
                            }
                        };
                        let (word, part) = (ky * row + at / per_word, at % per_word);
                        let number = place(&dot, panel.nr, (word, part, per_word), out);
                        let word = &mut packed.weights[panel.offset * depth + number / per_word];
                        let shift = number % per_word * 8 * precision.bytes();
                        *word = f32::from_bits(word.to_bits() | bits << shift);
                    }
                }
                if let LowPrecision::Int8(_) = precision {
                    packed.init[lane] =
                        f32::from_bits((-sum * i64::from(params.zero_point - dot.offset)) as i32 as u32);
                    packed.scale[lane] = (step / f64::from(params.inverse_scale)) as f32;
                }
            }
        }
        Some(packed)
    }
}

/// Where a number of an output channel's word lies in its panel. The words of a channel that are multiplied together lie side by
/// side; of a vector's words the first parts may come before the second ones.
fn place(dot: &DotLayout, nr: usize, (word, part, parts): (usize, usize, usize), out: usize) -> usize {
    let word = (word / dot.depth * nr + out) * dot.depth + word % dot.depth;
    if !dot.parts_apart {
        return word * parts + part;
    }
    let lane = out % dot.tiling.lanes;
    (word - lane) * parts + part * dot.tiling.lanes + lane
}
