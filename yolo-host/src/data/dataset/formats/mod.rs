//! The forms that datasets have on the disk, one module each. Another one is a module that implements [`Format`], with its
//! [`Labels`], and its place in [`FORMATS`].

mod coco;
mod voc;
mod yolo;

use std::path::{Path, PathBuf};

use super::description::Dataset;
use super::entry::{Entry, Labels};
use super::item::SplitName;
use crate::data::Error;

/// All of them. What is given as a dataset is held against the first of them first, the places that it names against the last.
pub const FORMATS: &[&dyn Format] = &[&voc::Voc, &coco::Coco, &yolo::Yolo];

/// Images of a place, and whether it serves train and val alike, without a list that says which are for which.
pub type Found = (Vec<Entry>, bool);

/// A form of datasets.
pub trait Format: Sync {
    /// What a folder of this form holds, for the message where one is of none.
    fn expected(&self) -> &'static str;

    /// Describes a folder without a data.yaml; nothing where it is not of this form.
    ///
    /// # Errors
    /// A folder of this form that cannot be used.
    fn folder(&self, path: &Path) -> Result<Option<Dataset>, Error>;

    /// Describes a file that is given in place of a data.yaml; nothing where it is none of this form.
    fn file(&self, _path: &Path) -> Option<Result<Dataset, Error>> {
        None
    }

    /// The images of a place that a dataset names, `path` on the disk; nothing where it is just images, or a list of them.
    fn place(
        &self,
        _dataset: &Dataset,
        _which: SplitName,
        _place: (&str, &Path),
        _notes: &mut Vec<String>,
    ) -> Option<Result<Found, Error>> {
        None
    }

    /// The labels of these images; nothing where not one has any of this form.
    fn labels(&self, _images: &[PathBuf], _notes: &mut Vec<String>) -> Option<Vec<Box<dyn Labels>>> {
        None
    }

    /// Whether a folder that serves train and val has lists that say which images are for which.
    fn has_lists(&self, _folder: &Path) -> bool {
        false
    }

    /// What is to be said of files of labels without an image, where these images are all of their folders.
    fn orphans(&self, _entries: &[Entry]) -> Vec<String> {
        vec![]
    }
}

/// Images of a folder or a list with their labels, and their form. The last form is asked first: YOLO's text files go before
/// XML beside the same images, and are what is expected where there are no labels at all.
pub fn labelled(images: Vec<PathBuf>, notes: &mut Vec<String>) -> (Vec<Entry>, &'static dyn Format) {
    let found = FORMATS.iter().rev().find_map(|format| Some((format.labels(&images, notes)?, *format)));
    let (labels, format) = found.unwrap_or_else(|| (yolo::expected(&images), &yolo::Yolo));
    let entries = images.into_iter().zip(labels).map(|(image, labels)| Entry { image, labels });
    (entries.collect(), format)
}
