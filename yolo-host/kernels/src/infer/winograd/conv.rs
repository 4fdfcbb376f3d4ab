//! The convolution with its transformed weights.

use super::transform::*;
use crate::base::Isa;
use crate::base::aligned::AlignedBuf;
use crate::infer::layer::Layer;
use crate::infer::panel::{ChannelPanel, channel_panels};
use crate::ops::Window;
use yolo_plugin::Act;

/// Pairs of input and output channels up to which tiles are of 4×4 outputs, and up to which they are of 2×2. Beyond them
/// the weights are too large: those of 4×4 outputs are four times the plain ones, those of 2×2 not quite twice, and with stride
/// 2 three times.
const MAX_PAIRS: [usize; 2] = [1 << 15, 1 << 16];

/// A 3×3 convolution with its weights transformed and packed: y = act(w ∗ x + b), plus a shortcut.
#[derive(Debug)]
pub struct Winograd {
    pub(super) isa: Isa,
    pub(super) stride: usize,
    /// Side of a tile of the output.
    pub(super) out: usize,
    /// Products of a tile for each pair of channels.
    pub(super) points: usize,
    pub(super) padding: [usize; 2],
    pub(super) lens: Vec<usize>,
    pub(super) cin: usize,
    pub(super) cout: usize,
    pub(super) act: Option<Act>,
    pub(super) panels: Vec<ChannelPanel>,
    /// `[in, nr]` of each point and panel.
    pub(super) weights: AlignedBuf,
    /// `[nr]` of each panel; then as many zeros as the widest panel has, with which the sums of products begin.
    pub(super) bias: AlignedBuf,
    /// Output channels of all panels, padded to whole vectors.
    pub(super) padded: usize,
}

impl Winograd {
    /// Whether a convolution is 3×3 with enough channels to gain by the transforms, but not so many that its weights would be
    /// most of the network's memory.
    pub fn fits(window: &Window, cin: usize, cout: usize) -> bool {
        let Window { kernel, stride, dilation, padding } = *window;
        let least = match stride {
            [1, 1] => 16,
            [2, 2] => 32,
            _ => return false,
        };
        (kernel, dilation) == ([3, 3], [1, 1])
            && padding.iter().all(|padding| *padding < 3)
            && cin.min(cout) >= least
            && cin * cout <= MAX_PAIRS[1]
    }

    /// Whether it is as fast in f32 as a plain convolution in bf16 or fp16.
    pub fn is_as_fast_as_16_bits(window: &Window, cin: usize, cout: usize) -> bool {
        Self::fits(window, cin, cout)
            && window.stride == [1, 1]
            && cin.min(cout) >= 32
            && cin * cout <= MAX_PAIRS[0]
    }

    /// Packs the transformed weights.
    pub fn new(layer: Layer) -> Self {
        let Layer { isa, window, weight, bias, lens, order, act } = layer;
        let (cin, cout) = (order.len(), bias.len());
        let (panels, mut biases) = channel_panels(&isa.required().tiling(), bias);
        let padded = biases.len();
        let widest = panels.iter().map(|panel| panel.nr).max().unwrap_or(0);
        biases.resize(padded + widest, 0.0);
        let stride = window.stride[0];
        let (out, g) = match stride {
            1 if cin * cout <= MAX_PAIRS[0] => (4, &F4x3::G[..]),
            1 => (2, &F2x3::G[..]),
            _ => (2, &F2x3Stride2::G[..]),
        };
        let mut weights = AlignedBuf::zeros(g.len() * g.len() * cin * padded);
        let mut points = vec![[0.0; AT_ONCE]; g.len() * g.len()];
        for panel in &panels {
            for (i, channel) in order.iter().enumerate() {
                for first in (0..panel.width).step_by(AT_ONCE) {
                    let mut kernels = [[0.0; AT_ONCE]; 9];
                    for out in first..panel.width.min(first + AT_ONCE) {
                        let kernel = &weight[((panel.start + out) * cin + channel) * 9..][..9];
                        kernels
                            .iter_mut()
                            .zip(kernel)
                            .for_each(|(to, value)| to[out - first] = (*value).into());
                    }
                    weight_points(g, &kernels, &mut points);
                    for (point, values) in points.iter().enumerate() {
                        let place = point * cin * padded + panel.offset * cin + i * panel.nr + first;
                        let count = (panel.nr - first).min(AT_ONCE);
                        weights[place..][..count].copy_from_slice(&values[..count]);
                    }
                }
            }
        }
        let (padding, bias) = (window.padding, AlignedBuf::from(&biases[..]));
        Winograd {
            isa,
            stride,
            out,
            points: g.len() * g.len(),
            padding,
            lens,
            cin,
            cout,
            act,
            panels,
            weights,
            bias,
            padded,
        }
    }

    /// Sizes in a few words.
    pub fn describe(&self) -> String {
        let Winograd { stride, cin, cout, out, .. } = self;
        format!("conv 3x3/{stride} {cin}→{cout} Winograd {out}x{out}")
    }

    /// Output channels.
    pub fn cout(&self) -> usize {
        self.cout
    }

    /// Input channels.
    pub fn cin(&self) -> usize {
        self.cin
    }
}
