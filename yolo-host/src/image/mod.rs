//! Images in and out: finding them, reading them, letterboxing them into the network's input, and bringing boxes back from
//! network pixels to those of the photograph.
//!
//! Whatever feeds numbers to the network follows OpenCV and PyTorch to the bit, so that the same pixels give the same input
//! as in YOLOv5. Only JPEG files come out a little different, see [`Image::decode`].

pub(crate) mod bilinear;
mod decode;
mod error;
mod geometry;
mod letterbox;
mod pixels;
mod read_ahead;
mod resize;
mod resize_area;
mod rgb;
pub(crate) mod sources;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use decode::MAX_BYTES;
pub use error::Error;
pub use geometry::Geometry;
pub use letterbox::{Letterboxed, PADDING, letterbox};
pub use pixels::{pixels, pixels_to_planes, to_planes};
pub use read_ahead::read_ahead;
pub use resize::resize_linear;
pub use resize_area::resize_area;
pub use rgb::Image;
pub use sources::{EXTENSIONS, Sources, counted, sources};
