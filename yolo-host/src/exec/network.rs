//! A network as validation sees it, whatever machine computes it.

use super::Error;
use std::borrow::Cow;

/// An output of a network on the host: `[batch, ny, nx, channels]`.
#[derive(Clone, Debug)]
pub struct OutputMap<'a> {
    /// The numbers; borrowed where the network is computed on the host.
    pub values: Cow<'a, [f32]>,
    /// Images.
    pub batch: usize,
    /// Rows of cells.
    pub ny: usize,
    /// Cells in a row.
    pub nx: usize,
}

/// Runs a network in evaluation mode.
pub trait Network: Send {
    /// Runs it on images `[batch, channels, height, width]`; no reverse pass can follow.
    ///
    /// Fails if the images do not fit, or the device cannot.
    fn evaluate(&mut self, images: &[f32], shape: [usize; 4]) -> Result<(), Error>;

    /// The same on images of bytes `[batch, height, width, channels]`, which are divided by 255.
    fn evaluate_bytes(&mut self, images: &[u8], shape: [usize; 4]) -> Result<(), Error> {
        let [_, channels, height, width] = shape;
        let image = (channels * height * width).max(1);
        let plane = |image: &[u8], c: usize| -> Vec<f32> {
            image.iter().skip(c).step_by(channels).map(|byte| f32::from(*byte) / 255.0).collect()
        };
        let planes = |image| (0..channels).flat_map(move |c| plane(image, c));
        let planes: Vec<f32> = images.chunks_exact(image).flat_map(planes).collect();
        self.evaluate(&planes, shape)
    }

    /// The maps that were asked for when it was made, in that order, of the last pass.
    ///
    /// Fails if the device does not give them.
    fn outputs(&self) -> Result<Vec<OutputMap<'_>>, Error>;
}
