//! Datasets with their labels ([`Dataset`]), [`augment`]ation, and batches made ahead by threads ([`Loader`]).

pub mod augment;
mod dataset;
mod error;
mod loader;

pub use augment::AugmentHyper;
pub use dataset::{
    Costs, Dataset, Item, Label, Report, Split, SplitName, SplitOptions, Trouble, TroubleKind,
};
pub use error::Error;
pub use loader::{Batch, Cache, Epoch, Loader, LoaderOptions, MAX_IMGSZ};
