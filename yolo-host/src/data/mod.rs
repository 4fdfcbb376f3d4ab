//! Pictures on their way into the network: finding them, reading them, letterboxing them, and bringing boxes
//! back from network pixels to photograph pixels. For training, datasets with their labels ([`Dataset`]),
//! [`augment`]ation, and batches made ahead by threads ([`Loader`]).
//!
//! Whatever feeds numbers to the network follows OpenCV and PyTorch to the bit, so that the same pixels give
//! the same input as in YOLOv5. Only JPEG files come out a little different, see [`Picture::decode`].

mod ahead;
pub mod augment;
mod dataset;
mod error;
mod letterbox;
mod loader;
mod picture;
mod planes;
mod resize;
mod resize_area;
mod scale;
mod sources;
#[cfg(test)]
mod testing;

pub use ahead::read_ahead;
pub use augment::AugmentHyper;
pub use dataset::{
    Costs, Dataset, Item, Label, Report, Split, SplitName, SplitOptions, Trouble, TroubleKind,
};
pub use error::Error;
pub use letterbox::{Letterboxed, PADDING, letterbox};
pub use loader::{Batch, Cache, Epoch, Geometry, Loader, LoaderOptions, MAX_IMGSZ};
pub use picture::{MAX_BYTES, Picture};
pub use planes::{channels_into, planes_into, to_planes};
pub use resize::resize_linear;
pub use resize_area::resize_area;
pub use scale::scale_boxes;
pub use sources::{EXTENSIONS, Sources, counted, sources};
