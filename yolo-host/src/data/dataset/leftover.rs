//! What lies in the folders of a dataset in YOLO's form and is not read: told once, with numbers.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::entry::{Entry, Source};
use super::{listing, places, plain};
use crate::text::counted;

/// Files that belong to labels, to caches or to a system, and that nobody takes for images.
const EXPECTED: [&str; 8] = ["txt", "xml", "json", "yaml", "cache", "npy", "db", "ini"];

/// Files among the images of a folder that are no images to us.
pub fn others(folder: &Path, files: Vec<PathBuf>) -> Option<String> {
    let mut files = files;
    files.retain(|file| !EXPECTED.contains(&places::suffix(file).as_str()));
    let what = places::tally(&files)?;
    Some(format!("'{}' holds files that are not read as images: {what}", folder.display()))
}

/// Label files without an image, where the images are all of their folders.
pub fn orphans(all: &[Entry]) -> Vec<String> {
    let mut stems: BTreeMap<&Path, HashSet<OsString>> = BTreeMap::new();
    for entry in all {
        if let Source::Txt(file) = &entry.labels {
            let of_folder = stems.entry(file.parent().unwrap_or(Path::new(""))).or_default();
            of_folder.insert(file.file_stem().unwrap_or_default().to_owned());
        }
    }
    let told = |(folder, stems): (&Path, HashSet<OsString>)| {
        let mut files =
            listing::listed(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }).ok()?;
        files.retain(|file| {
            places::suffix(file) == "txt"
                && !plain::is_names(file)
                && !stems.contains(file.file_stem().unwrap_or_default())
        });
        let first = files.iter().min()?.file_name()?;
        let (count, one) = (files.len(), files.len() == 1);
        let have = if one { "has" } else { "have" };
        Some(format!(
            "{} in '{}' {have} no image (as '{}')",
            counted(count, "label file"),
            folder.display(),
            first.display()
        ))
    };
    stems.into_iter().filter_map(told).collect()
}
