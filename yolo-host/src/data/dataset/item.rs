//! What a dataset consists of once it is read: parts, images, objects.

use std::fmt;
use std::path::PathBuf;

use super::trouble::Report;

/// One object in an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Index into the dataset's names.
    pub class: usize,
    /// Centre x, centre y, width and height as shares of the image's. Single-precision numbers, as
    /// upstream keeps them.
    pub rect: [f64; 4],
    /// The outline as shares of the image's sides; empty where only the box is known.
    pub segment: Vec<[f32; 2]>,
}

/// An image that passed the checks, and its objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The file.
    pub image: PathBuf,
    /// Height and width in pixels, after the camera's orientation.
    pub size: (usize, usize),
    /// The objects; none in an image of background.
    pub labels: Vec<Label>,
}

/// A part of a dataset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Split {
    /// The images that passed, sorted by path.
    pub items: Vec<Item>,
    /// What the checks met.
    pub report: Report,
}

/// Which part of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SplitName {
    /// Images to learn from.
    Train,
    /// Images to watch training by.
    Val,
    /// Images for the final measurement.
    Test,
}

impl SplitName {
    /// All of them.
    pub const ALL: [SplitName; 3] = [SplitName::Train, SplitName::Val, SplitName::Test];

    pub(super) fn name(self) -> &'static str {
        match self {
            SplitName::Train => "train",
            SplitName::Val => "val",
            SplitName::Test => "test",
        }
    }
}

impl fmt::Display for SplitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The share of the images that is for training where no list divides them, unless told.
const SHARE: f64 = 0.9;

/// How [`Dataset::split`](super::Dataset::split) goes about it.
#[derive(Clone, Copy)]
pub struct SplitOptions<'a> {
    /// Keep the checks' results beside the labels, so that the next time only changed files are checked. A
    /// folder that cannot be written to is no error.
    pub cache: bool,
    /// Every object is of class 0, whatever the labels say.
    pub single_cls: bool,
    /// Where no list says which images are for training and which for validation: the share for training.
    pub share: f64,
    /// Called with the number of images checked and of all, from any thread.
    pub progress: Option<&'a (dyn Fn(usize, usize) + Sync)>,
}

impl Default for SplitOptions<'_> {
    fn default() -> Self {
        Self { cache: true, single_cls: false, share: SHARE, progress: None }
    }
}
