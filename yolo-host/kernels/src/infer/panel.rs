//! Output channels in panels of NR, the unit in which weights are packed.

use crate::base::simd::Tiling;

/// Output channels that one tile of the micro-kernel computes: NR of them, of which the last panel may need fewer.
#[derive(Clone, Copy, Debug)]
pub struct ChannelPanel {
    /// The first channel.
    pub start: usize,
    /// How many channels there are.
    pub width: usize,
    /// How many vectors they fill: as many as a tile has at most.
    pub vectors: usize,
    /// Floats of these vectors: the panel's NR.
    pub nr: usize,
    /// Floats of all panels before.
    pub offset: usize,
}

/// Panels for all output channels, as wide as the tiles, and the bias padded to whole vectors.
pub fn channel_panels(tiling: &Tiling, bias: &[f32]) -> (Vec<ChannelPanel>, Vec<f32>) {
    let Tiling { lanes, infer, .. } = *tiling;
    let (mut panels, mut padded) = (vec![], vec![]);
    let mut start = 0;
    while start < bias.len() {
        let vectors = (bias.len() - start).div_ceil(lanes).min(infer.len());
        let nr = vectors * lanes;
        let width = (bias.len() - start).min(nr);
        panels.push(ChannelPanel { start, width, vectors, nr, offset: padded.len() });
        padded.extend_from_slice(&bias[start..start + width]);
        padded.resize(padded.len().next_multiple_of(lanes), 0.0);
        start += width;
    }
    (panels, padded)
}
