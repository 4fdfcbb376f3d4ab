//! Which algorithm computes a convolution over all channels.

use super::dense::Dense;
use super::layer::Layer;
use super::lowp::{LowPrecision, LowPrecisionConv};
use super::map::{Geometry, Source, Target};
use super::winograd::Winograd;

/// A convolution by the algorithm that is fastest for it.
#[derive(Debug)]
pub enum Conv {
    /// As it is defined.
    Dense(Dense),
    /// 3×3 by Winograd's algorithm.
    Winograd(Winograd),
    /// In bf16, fp16 or int8.
    LowPrecision(LowPrecisionConv),
}

impl Conv {
    /// Chooses the algorithm and packs the weights. Without a low precision all is f32; with one, what it cannot compute
    /// stays f32, and so does what Winograd's algorithm computes as fast as 16 bits.
    pub fn new(precision: Option<LowPrecision>, layer: Layer) -> Self {
        let [cin, cout] = [layer.order.len(), layer.bias.len()];
        let winograd = matches!(precision, Some(LowPrecision::Bf16 | LowPrecision::Fp16))
            && Winograd::is_as_fast_as_16_bits(&layer.window, cin, cout);
        let precision = precision.filter(|_| !winograd);
        if let Some(conv) = precision.and_then(|precision| LowPrecisionConv::new(precision, &layer)) {
            return Conv::LowPrecision(conv);
        }
        match Winograd::fits(&layer.window, layer.order.len(), layer.bias.len()) {
            true => Conv::Winograd(Winograd::new(layer)),
            false => Conv::Dense(Dense::new(layer)),
        }
    }

    /// Computes the target. The shortcut has as many channels as the output.
    pub fn run(&self, geometry: &Geometry, sources: &[Source], shortcut: Option<Source>, target: Target) {
        match self {
            Conv::Dense(conv) => conv.run(geometry, sources, shortcut, target),
            Conv::Winograd(conv) => conv.run(geometry, sources, shortcut, target),
            Conv::LowPrecision(conv) => conv.run(geometry, sources, shortcut, target),
        }
    }

    /// Output channels.
    pub fn cout(&self) -> usize {
        match self {
            Conv::Dense(conv) => conv.cout(),
            Conv::Winograd(conv) => conv.cout(),
            Conv::LowPrecision(conv) => conv.cout(),
        }
    }

    /// Multiply-adds of an output pixel, as the convolution is defined.
    pub fn macs(&self) -> usize {
        match self {
            Conv::Dense(conv) => conv.macs(),
            Conv::Winograd(conv) => 9 * conv.cin() * conv.cout(),
            Conv::LowPrecision(conv) => conv.macs(),
        }
    }

    /// Sizes in a few words.
    pub fn describe(&self) -> String {
        match self {
            Conv::Dense(conv) => conv.describe(),
            Conv::LowPrecision(conv) => conv.describe(),
            Conv::Winograd(conv) => conv.describe(),
        }
    }
}
