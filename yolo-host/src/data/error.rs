//! What can go wrong with a dataset, each message naming the file and what to do about it.

use std::io;
use std::path::PathBuf;

use super::SplitName;
use crate::{image, text};

/// A dataset that could not be found or read.
///
/// Every message stands alone: the cause is part of the text, not of [`std::error::Error::source`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An image.
    #[error(transparent)]
    Image(#[from] image::Error),

    /// The file or folder cannot be read.
    #[error("cannot read '{}': {cause}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },

    /// The file is no text.
    #[error(transparent)]
    Text(text::Error),

    /// The file cannot be written.
    #[error("cannot write '{}': {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },

    /// The data.yaml, or the folder given in its place, does not describe a dataset.
    #[error("'{}': {why}", path.display())]
    Description {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong and what is expected.
        why: String,
    },

    /// The dataset has no such part.
    #[error("'{}' names no images for {split}: a data.yaml needs a line `{split}: …` with a folder or a list, a Pascal VOC folder \
         a list ImageSets/Main/{split}.txt", path.display())]
    NoSplit {
        /// The data.yaml or the folder.
        path: PathBuf,
        /// The part that was asked for.
        split: SplitName,
    },

    /// A folder or file that the dataset names is not there.
    #[error(
        "'{}' does not exist, though '{}' names it: put the dataset there, or correct `path` \
         (`download` is never run){hint}",
        place.display(), path.display()
    )]
    Missing {
        /// The data.yaml, or the list.
        path: PathBuf,
        /// What is not there.
        place: PathBuf,
        /// What is there, beginning with a semicolon.
        hint: String,
    },

    /// The part of the dataset holds no image.
    #[error(
        "no images for {split} in {places}: expected files ending in {}", image::EXTENSIONS.join(", ")
    )]
    NoImages {
        /// The part that was asked for.
        split: SplitName,
        /// Where was looked.
        places: String,
    },

    /// There are images, but not one has a file of labels.
    #[error("none of the {images} images for {split} has labels; for the first they should be in {place}")]
    NoLabels {
        /// The part that was asked for.
        split: SplitName,
        /// How many images there are.
        images: usize,
        /// Where the labels of the first are looked for.
        place: String,
    },

    /// There are labels, but not one of their objects can be used.
    #[error("not one object for {split} can be used, {left_out} are left out; the first: {first}")]
    NoObjects {
        /// The part that was asked for.
        split: SplitName,
        /// How many objects are left out.
        left_out: usize,
        /// What is wrong with the first.
        first: String,
    },

    /// Every image or its labels are broken.
    #[error("{} for {split}, and not one can be used; the first: {first}", text::counted(*images, "image"))]
    AllBroken {
        /// The part that was asked for.
        split: SplitName,
        /// How many images there are.
        images: usize,
        /// What is wrong with the first.
        first: String,
    },

    /// The options of a loader contradict each other.
    #[error("the loader cannot work: {why}")]
    Options {
        /// What is wrong and what is expected.
        why: String,
    },
}

impl From<text::Error> for Error {
    fn from(error: text::Error) -> Self {
        match error {
            text::Error::Read { path, cause } => Error::Read { path, cause },
            error @ (text::Error::TooLong { .. } | text::Error::Encoding { .. }) => Error::Text(error),
        }
    }
}
