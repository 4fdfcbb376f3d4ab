//! Parts of a dataset by the names of folders: `train`, `valid`, `test_images`, …

use std::path::{Path, PathBuf};

use super::files::{listed, stem};
use crate::data::Error;

/// Where the parts are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Places {
    /// Of train, val and test.
    pub of: [Vec<PathBuf>; 3],
    /// Whether training and validation share one set of images.
    pub divided: bool,
}

impl Places {
    /// One set of images for training and validation, which is to be divided.
    pub fn shared(place: PathBuf) -> Self {
        Places { of: [vec![place.clone()], vec![place], vec![]], divided: true }
    }

    /// Those of parts. Where there is no val, test serves; without either, train has to be divided.
    pub fn completed(mut of: [Vec<PathBuf>; 3]) -> Self {
        let [train, val, test] = &mut of;
        let lacking = val.is_empty() && !train.is_empty();
        if lacking {
            *val = if test.is_empty() { train.clone() } else { test.clone() };
        }
        let divided = lacking && test.is_empty();
        Places { of, divided }
    }
}

/// The folders that are named as parts.
pub fn by_part(folder: &Path) -> Result<[Vec<PathBuf>; 3], Error> {
    let mut places = [const { Vec::new() }; 3];
    for path in listed(folder)?.into_iter().filter(|path| path.is_dir()) {
        match part_of(&stem(&path)) {
            Some("train") => places[0].push(path),
            Some("val") => places[1].push(path),
            Some("test") => places[2].push(path),
            _ => {}
        }
    }
    places.iter_mut().for_each(|places| places.sort());
    Ok(places)
}

/// The part that a name in lower case speaks of.
pub fn part_of(name: &str) -> Option<&'static str> {
    ["train", "val", "test"].into_iter().find(|part| name.contains(part))
}
