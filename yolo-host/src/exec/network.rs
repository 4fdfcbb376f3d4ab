//! A network as validation sees it, whatever device computes it.

use super::Error;
use crate::raw_map::RawMap;

/// Images that go into a network. The shape beside them is always the graph's, `[batch, channels, height, width]`.
#[derive(Clone, Copy, Debug)]
pub enum Images<'a> {
    /// Pixels `[batch, height, width, channels]`, as the loader makes them; the first layer reads each byte divided by 255.
    Bytes(&'a [u8]),
    /// Planes `[batch, channels, height, width]` of numbers, usually 0 to 1.
    Planes(&'a [f32]),
}

impl Images<'_> {
    /// Fails if there are not so many numbers as the shape says.
    pub(crate) fn check(&self, shape: [usize; 4]) -> Result<(), Error> {
        let given = match self {
            Images::Bytes(bytes) => bytes.len(),
            Images::Planes(planes) => planes.len(),
        };
        let needed = shape.iter().product();
        if given == needed { Ok(()) } else { Err(Error::Length { what: "images", given, needed }) }
    }
}

/// Runs a network in evaluation mode.
pub trait Network: Send {
    /// Runs it on images of the shape `[batch, channels, height, width]`; no reverse pass can follow.
    ///
    /// Fails if the images do not fit, or the device cannot.
    fn evaluate(&mut self, images: Images, shape: [usize; 4]) -> Result<(), Error>;

    /// The maps that were asked for when it was made, in that order, of the last pass.
    ///
    /// Fails if the device does not give them.
    fn outputs(&self) -> Result<Vec<RawMap<'_>>, Error>;
}
