//! Weights of reduced precision, in the order in which tiles read them.

use super::precision::Format;
use crate::base::aligned::Lines;
use crate::base::simd::dot::{MAX_INT8_TERMS, QuantParams, round_to_bf16};
use crate::infer::{Block, Layer, blocks};

/// By block of output channels.
#[derive(Debug)]
pub struct Packed {
    pub blocks: Vec<Block>,
    /// Words of each output channel: those of every row of the window begin anew.
    pub depth: usize,
    /// Words `[depth, room]`, as numbers of the same bits.
    pub weights: Lines,
    /// What sums begin with, as numbers of the same bits: `[room]`
    pub start: Lines,
    /// What they are multiplied with, and what is added then: `[room]`
    pub scale: Lines,
    pub bias: Lines,
    /// How the input is converted.
    pub steps: QuantParams,
}

impl Packed {
    /// Packs for the instructions of the layer; nothing where whole numbers could overflow or have no range.
    pub fn new(format: Format, layer: &Layer) -> Option<Self> {
        let Layer { isa, window, weight, bias, order, .. } = layer;
        let (cin, [rows, columns]) = (order.len(), window.kernel);
        let steps = match format {
            Format::Bf16 => QuantParams::NONE,
            Format::Int8(range) => {
                QuantParams::over(range).filter(|_| cin * rows * columns <= MAX_INT8_TERMS)?
            }
        };
        let (blocks, padded) = blocks(*isa, bias);
        let row = (columns * cin * format.bytes()).div_ceil(4);
        let (depth, per_word) = (rows * row, 4 / format.bytes());
        let mut packed = Packed {
            blocks,
            depth,
            weights: Lines::zeros(depth * padded.len()),
            start: Lines::from(&padded[..]),
            scale: Lines::from(&vec![1.0; padded.len()][..]),
            bias: Lines::from(&padded[..]),
            steps,
        };
        for block in packed.blocks.clone() {
            for out in 0..block.width {
                let own = &weight[(block.start + out) * cin * rows * columns..][..cin * rows * columns];
                let lane = block.padded + out;
                let largest = own.iter().fold(0.0f32, |most, weight| most.max(weight.abs()));
                let step = f64::from(if largest > 0.0 { largest } else { 1.0 }) / 127.0;
                let mut sum = 0i64;
                for ky in 0..rows {
                    for at in 0..columns * cin {
                        let (kx, channel) = (at / cin, order[at % cin]);
                        let value = own[(channel * rows + ky) * columns + kx];
                        let bits = match format {
                            Format::Bf16 => u32::from(round_to_bf16(value)),
                            Format::Int8(_) => {
                                let whole =
                                    (f64::from(value) / step).round_ties_even().clamp(-127.0, 127.0) as i8;
                                sum += i64::from(whole);
                                u32::from(whole as u8)
                            }
                        };
                        let word = &mut packed.weights
                            [block.padded * depth + (ky * row + at / per_word) * block.room + out];
                        *word = f32::from_bits(word.to_bits() | bits << (at % per_word * 8 * format.bytes()));
                    }
                }
                if let Format::Int8(_) = format {
                    packed.start[lane] = f32::from_bits((-sum * i64::from(steps.zero_point)) as i32 as u32);
                    packed.scale[lane] = (step / f64::from(steps.inverse_scale)) as f32;
                }
            }
        }
        Some(packed)
    }
}
