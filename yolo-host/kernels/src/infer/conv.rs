//! Which algorithm computes a convolution over all channels.

use super::dense::Dense;
use super::layer::Layer;
use super::lowp::{Format, Narrow};
use super::map::{Geometry, Source, Target};
use super::winograd::Winograd;

/// A convolution by the algorithm that is fastest for it.
#[derive(Debug)]
pub enum Conv {
    /// As it is defined.
    Dense(Dense),
    /// 3×3 by Winograd's algorithm.
    Winograd(Winograd),
    /// In bf16 or int8.
    Narrow(Narrow),
}

impl Conv {
    /// Chooses the algorithm and packs the weights. Without a format all is f32, and with one still what that format cannot
    /// compute, and in place of bf16 what Winograd's algorithm computes as fast.
    pub fn new(format: Option<Format>, layer: Layer) -> Self {
        let [cin, cout] = [layer.order.len(), layer.bias.len()];
        let winograd = format == Some(Format::Bf16) && Winograd::is_as_fast_as_bf16(&layer.window, cin, cout);
        let format = format.filter(|_| !winograd);
        if let Some(conv) = format.and_then(|format| Narrow::new(format, &layer)) {
            return Conv::Narrow(conv);
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
            Conv::Narrow(conv) => conv.run(geometry, sources, shortcut, target),
        }
    }

    /// Output channels.
    pub fn cout(&self) -> usize {
        match self {
            Conv::Dense(conv) => conv.cout(),
            Conv::Winograd(conv) => conv.cout(),
            Conv::Narrow(conv) => conv.cout(),
        }
    }

    /// Multiply-adds of an output pixel, as the convolution is defined.
    pub fn macs(&self) -> usize {
        match self {
            Conv::Dense(conv) => conv.macs(),
            Conv::Winograd(conv) => 9 * conv.cin() * conv.cout(),
            Conv::Narrow(conv) => conv.macs(),
        }
    }

    /// Sizes in a few words.
    pub fn describe(&self) -> String {
        match self {
            Conv::Dense(conv) => conv.describe(),
            Conv::Narrow(conv) => conv.describe(),
            Conv::Winograd(conv) => conv.describe(),
        }
    }
}
