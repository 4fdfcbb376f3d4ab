//! What a convolution is made from.

use crate::base::Isa;
use crate::ops::Window;
use yolo_plugin::Act;

/// A convolution with bias and activation, before its weights are packed.
#[derive(Clone, Debug)]
pub struct Layer<'a> {
    /// The instruction set that computes it.
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
