//! The files of a folder, and what is in one.

use super::Error;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

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
