//! A folder that is given as a dataset: its data.yaml, or the form that it has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::description::Dataset;
use super::files::{self, stem};
use super::formats::FORMATS;
use super::yaml;
use crate::data::Error;

/// Reads a folder.
pub fn folder(path: &Path) -> Result<Dataset, Error> {
    if let Some(file) = own_yaml(path)? {
        return yaml::read(&file);
    }
    for format in FORMATS {
        if let Some(dataset) = format.folder(path)? {
            return Ok(dataset);
        }
    }
    Err(Error::Description { path: path.to_path_buf(), why: unknown(path)? })
}

/// A data.yaml within the folder.
fn own_yaml(folder: &Path) -> Result<Option<PathBuf>, Error> {
    let mut files = files::listed(folder)?;
    files.retain(|file| {
        let yaml =
            |suffix: &std::ffi::OsStr| ["yaml", "yml"].iter().any(|known| suffix.eq_ignore_ascii_case(known));
        let says = |text: String| {
            ["names:", "train:"].iter().all(|key| text.lines().any(|line| line.starts_with(key)))
        };
        file.extension().is_some_and(yaml) && files::text(file).is_ok_and(says)
    });
    let data = files.iter().find(|file| ["data", "dataset"].contains(&stem(file).as_str()));
    if data.is_none() && files.len() > 1 {
        files.sort();
        let named = files.iter().map(|file| format!("'{}'", file.display())).collect::<Vec<_>>().join(", ");
        let why = format!("holds several descriptions of datasets: give one of {named}");
        return Err(Error::Description { path: folder.to_path_buf(), why });
    }
    Ok(data.or(files.first()).cloned())
}

/// What is in a folder that is no dataset, and what was looked for.
fn unknown(folder: &Path) -> Result<String, Error> {
    let (mut folders, mut files) = (Vec::new(), BTreeMap::new());
    for path in files::listed(folder)? {
        if path.is_dir() {
            folders.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        } else {
            let suffix = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
            *files.entry(suffix).or_insert(0_usize) += 1;
        }
    }
    folders.sort();
    let kinds = files.iter().map(|(suffix, count)| match suffix.is_empty() {
        true => format!("{count} without suffix"),
        false => format!("{count} .{suffix}"),
    });
    let mut there: Vec<String> = kinds.collect();
    if !folders.is_empty() {
        let shown = folders.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
        there.insert(0, format!("the folders {shown}{}", if folders.len() > 8 { ", …" } else { "" }));
    }
    let there = if there.is_empty() { "nothing".into() } else { there.join(", ") };
    let expected: Vec<&str> = FORMATS.iter().map(|format| format.expected()).collect();
    let expected = match expected.as_slice() {
        [before @ .., last] => format!("{}, or {last}", before.join(", ")),
        [] => String::new(),
    };
    Ok(format!("not a dataset: it holds {there}; expected a data.yaml, {expected}"))
}
