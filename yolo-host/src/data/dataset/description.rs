//! What is known of a dataset before any image is touched.

use std::path::{Path, PathBuf};

use super::item::SplitName;
use super::parts::Places;

/// A dataset's names and the places of its parts; no image is touched before [`Dataset::split`].
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Names of the classes, by index.
    pub names: Vec<String>,
    /// The data.yaml, or the folder given in its place.
    pub file: PathBuf,
    /// What is to be told of the description itself, as keys without effect.
    pub notes: Vec<String>,
    /// The folders that places are relative to, the better one first.
    pub(super) bases: Vec<PathBuf>,
    /// Of train, val and test: folders, lists, globs or JSON files as written.
    pub(super) places: [Vec<String>; 3],
    /// Whether train and val name the same images, which are to be divided.
    pub(super) divided: bool,
}

impl Dataset {
    /// One that no data.yaml describes: `path` is what was given, `folder` holds its places.
    pub(super) fn found(path: &Path, folder: &Path, places: Places, names: Vec<String>) -> Dataset {
        let within = |place: PathBuf| place.strip_prefix(folder).unwrap_or(&place).display().to_string();
        Dataset {
            names,
            file: path.to_path_buf(),
            bases: vec![folder.to_path_buf()],
            places: places.of.map(|places| places.into_iter().map(within).collect()),
            divided: places.divided,
            notes: vec![],
        }
    }

    /// Whether a place is named for this part.
    pub fn has(&self, which: SplitName) -> bool {
        !self.places[which as usize].is_empty()
    }

    /// Whether it is validated on COCO's own images, whose results have COCO's categories (v6.1 `is_coco`): by the list
    /// `coco/val2017.txt`, or by `instances_val2017.json`.
    pub fn is_coco(&self) -> bool {
        let list = |place: &str| self.bases.iter().any(|base| base.join(place).ends_with("coco/val2017.txt"));
        let own = |place: &String| list(place) || Path::new(place).ends_with("instances_val2017.json");
        self.places[SplitName::Val as usize].iter().any(own)
    }
}
