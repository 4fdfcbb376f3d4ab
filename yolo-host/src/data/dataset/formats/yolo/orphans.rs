//! Label files without an image: told once, with numbers.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::path::Path;

use crate::data::dataset::files::{listed, suffix};
use crate::data::dataset::names::is_names;
use crate::text::counted;

/// What is to be said of label files besides these, where the images of these are all of their folders.
pub fn told<'a>(labels: impl Iterator<Item = &'a Path>) -> Vec<String> {
    let mut stems: BTreeMap<&Path, HashSet<OsString>> = BTreeMap::new();
    for file in labels {
        let of_folder = stems.entry(file.parent().unwrap_or(Path::new(""))).or_default();
        of_folder.insert(file.file_stem().unwrap_or_default().to_owned());
    }
    let told = |(folder, stems): (&Path, HashSet<OsString>)| {
        let mut files = listed(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }).ok()?;
        files.retain(|file| {
            suffix(file) == "txt" && !is_names(file) && !stems.contains(file.file_stem().unwrap_or_default())
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
