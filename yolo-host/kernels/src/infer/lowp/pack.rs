//! Weights in bf16 and int8, packed in the order in which the micro-kernel reads them.

use super::precision::LowPrecision;
use crate::base::aligned::AlignedBuf;
use crate::base::dot_product::DotLayout;
use crate::base::simd::dot::{MAX_INT8_TERMS, QuantParams, round_to_bf16};
use crate::infer::layer::Layer;
use crate::infer::panel::{ChannelPanel, channel_panels};

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
            LowPrecision::Bf16 => QuantParams::NONE,
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
                            LowPrecision::Int8(_) => {
                                let whole =
                                    (f64::from(value) / step).round_ties_even().clamp(-127.0, 127.0) as i8;
                                sum += i64::from(whole);
                                u32::from(whole as u8)
                            }
                        };
                        // The words of a channel that are multiplied together lie side by side.
                        let (step, word) =
                            ((ky * row + at / per_word) / dot.depth, at / per_word % dot.depth);
                        let place = (step * panel.nr + out) * dot.depth + word;
                        let word = &mut packed.weights[panel.offset * depth + place];
                        *word =
                            f32::from_bits(word.to_bits() | bits << (at % per_word * 8 * precision.bytes()));
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
