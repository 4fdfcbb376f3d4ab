//! Files and folders as a dataset's formats look at them.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::data::Error;

/// Files that belong to labels, to caches or to a system, and that nobody takes for images.
const EXPECTED: [&str; 8] = ["txt", "xml", "json", "yaml", "cache", "npy", "db", "ini"];

/// The files in a folder and its folders that `keep` takes, hidden ones left out. Links are followed, each folder once.
pub fn below(folder: &Path, keep: fn(&Path) -> bool) -> Result<Vec<PathBuf>, Error> {
    let (mut files, mut seen) = (Vec::new(), HashSet::new());
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let real = fs::canonicalize(&folder).map_err(|cause| Error::Read { path: folder.clone(), cause })?;
        if !seen.insert(real) {
            continue;
        }
        for path in listed(&folder)? {
            if path.is_dir() {
                folders.push(path);
            } else if keep(&path) {
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// The entries of a folder that are not hidden.
pub fn listed(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    Ok(crate::image::sources::listed(folder)?)
}

/// A text file's content.
pub fn text(path: &Path) -> Result<String, Error> {
    Ok(crate::text::read(path)?)
}

/// A file's suffix in lower case.
pub fn suffix(file: &Path) -> String {
    file.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// A file's name without suffix, in lower case.
pub fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// Files by suffix, as `2 .gif, 1 .avif (as 'a.gif')`; nothing where there are none.
pub fn tally(files: &[PathBuf]) -> Option<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
        *counts.entry(suffix(file)).or_default() += 1;
    }
    let kinds: Vec<String> = counts
        .iter()
        .map(|(suffix, count)| match suffix.as_str() {
            "" => format!("{count} without suffix"),
            suffix => format!("{count} .{suffix}"),
        })
        .collect();
    let first = files.iter().min()?;
    Some(format!("{} (as '{}')", kinds.join(", "), first.file_name().unwrap_or_default().display()))
}

/// What is to be said of files among the images of a folder that are no images to us.
pub fn others(folder: &Path, files: Vec<PathBuf>) -> Option<String> {
    let mut files = files;
    files.retain(|file| !EXPECTED.contains(&suffix(file).as_str()));
    let what = tally(&files)?;
    Some(format!("'{}' holds files that are not read as images: {what}", folder.display()))
}
