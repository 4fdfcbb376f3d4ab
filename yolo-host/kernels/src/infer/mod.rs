//! Kernels for inference: convolutions that read channels where they lie, apply the activation and add the shortcut while
//! the sums are in registers or in the nearest cache, and keep nothing for a gradient.

mod add;
mod dense;
mod depthwise;
mod epilogue;
mod input;
mod lowp;
mod microkernel;
mod pack_rows;
mod pool;
mod row;
mod scale;
#[cfg(test)]
mod tests;
mod upsample;
mod winograd;

pub use add::add;
pub use dense::Dense;
pub use depthwise::Depthwise;
pub use input::{from_bytes, from_planes};
pub use lowp::{Format, Narrow};
pub use pool::max_pool;
pub use scale::scale;
pub use upsample::upsample;
pub use winograd::Winograd;

use crate::base::Isa;
use crate::base::simd::Tiling;
use crate::ops::Window;
use yolo_plugin::Act;

/// Channels of a map `[batch, height, width, pixel]` that an operation reads: `len` of them from `first` on.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The whole map.
    pub data: &'a [f32],
    /// Its channels.
    pub pixel: usize,
    /// The first that is read.
    pub first: usize,
    /// How many are.
    pub len: usize,
}

/// Channels of a map that an operation writes.
#[derive(Debug)]
pub struct Target<'a> {
    /// The whole map.
    pub data: &'a mut [f32],
    /// Its channels.
    pub pixel: usize,
    /// The first that is written.
    pub first: usize,
}

/// Batch, and height and width of input and output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Images.
    pub batch: usize,
    /// Height and width.
    pub input: [usize; 2],
    /// Height and width.
    pub output: [usize; 2],
}

impl Geometry {
    /// What kernels rely on.
    fn check(
        &self,
        sources: &[Source],
        lens: &[usize],
        shortcut: Option<&Source>,
        target: &Target,
        cout: usize,
    ) {
        let [pixels_in, pixels_out] = [self.input, self.output].map(|[h, w]| self.batch * h * w);
        assert!(sources.iter().map(|source| source.len).eq(lens.iter().copied()), "other channels");
        assert!(sources.iter().all(|source| source.holds(pixels_in)), "a source is too small");
        assert!(
            shortcut.is_none_or(|source| source.len == cout && source.holds(pixels_out)),
            "the shortcut is too small"
        );
        assert!(
            target.first + cout <= target.pixel && target.data.len() >= pixels_out * target.pixel,
            "the target is too small"
        );
    }
}

/// Output channels that are computed together.
#[derive(Clone, Copy, Debug)]
struct Block {
    /// The first of them.
    start: usize,
    /// How many.
    width: usize,
    /// How many vectors they fill, and numbers in these.
    vectors: usize,
    room: usize,
    /// Numbers of all blocks before.
    padded: usize,
}

/// Blocks of one or two vectors for all output channels, and their bias in whole vectors.
fn blocks(isa: Isa, bias: &[f32]) -> (Vec<Block>, Vec<f32>) {
    let Tiling { lanes, infer, .. } = isa.tiling();
    let (mut blocks, mut padded) = (vec![], vec![]);
    let mut start = 0;
    while start < bias.len() {
        let vectors = (bias.len() - start).div_ceil(lanes).min(infer.len());
        let room = vectors * lanes;
        let width = (bias.len() - start).min(room);
        blocks.push(Block { start, width, vectors, room, padded: padded.len() });
        padded.extend_from_slice(&bias[start..start + width]);
        padded.resize(padded.len().next_multiple_of(lanes), 0.0);
        start += width;
    }
    (blocks, padded)
}

/// What a convolution is made from.
#[derive(Clone, Debug)]
pub struct Layer<'a> {
    /// The instructions that compute it.
    pub isa: Isa,
    /// Its window.
    pub window: Window,
    /// `[cout, cin, ky, kx]`
    pub weight: &'a [f32],
    /// `[cout]`
    pub bias: &'a [f32],
    /// Channels of each source.
    pub lens: Vec<usize>,
    /// Which input channel of the weight each channel of the sources is, one source after the other.
    pub order: &'a [usize],
    /// After the bias.
    pub act: Option<Act>,
}

/// A convolution by the algorithm that is fastest for it.
#[derive(Debug)]
pub enum Conv {
    /// As it is defined.
    Dense(Dense),
    /// In tiles, by Winograd's algorithm.
    Winograd(Winograd),
    /// In reduced precision.
    Narrow(Narrow),
}

impl Conv {
    /// Packs the weights for it. What cannot be computed in `format` is in f32, as all is without one, and
    /// what tiles compute as fast.
    pub fn new(format: Option<Format>, layer: Layer) -> Self {
        let [cin, cout] = [layer.order.len(), layer.bias.len()];
        let tiles = format == Some(Format::Bf16) && Winograd::is_as_fast_as_bf16(&layer.window, cin, cout);
        let format = format.filter(|_| !tiles);
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

    /// Multiply-adds of a pixel, as the convolution is defined.
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

impl Source<'_> {
    /// Whether the map has so many pixels, and the channels.
    fn holds(&self, pixels: usize) -> bool {
        self.first + self.len <= self.pixel && self.data.len() >= pixels * self.pixel
    }
}
