//! Which folders and files are the parts of a dataset: training, validation, test.

use super::Error;
use super::listing::listed;
use std::path::{Path, PathBuf};

/// Where the parts are, and whether training and validation share one set of images.
pub type Places = ([Vec<PathBuf>; 3], bool);

/// Where there is no val, test serves; without either, train has to be divided.
pub fn complete(places: &mut [Vec<PathBuf>; 3]) -> bool {
    let [train, val, test] = places;
    if val.is_empty() && !train.is_empty() {
        *val = if test.is_empty() { train.clone() } else { test.clone() };
        return test.is_empty();
    }
    false
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

/// The part that a name names.
pub fn part_of(name: &str) -> Option<&'static str> {
    ["train", "val", "test"].into_iter().find(|part| name.contains(part))
}

/// A name without suffix, in lower case.
pub fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().to_lowercase()
}
