//! YOLO: a text file an image, in a folder `labels` beside `images` or beside the image; without a data.yaml as tools export
//! them, with a file of names.

mod orphans;
mod text;

use std::path::{Path, PathBuf};

use super::Format;
use crate::data::Error;
use crate::data::dataset::description::Dataset;
use crate::data::dataset::entry::{Entry, Labels};
use crate::data::dataset::files;
use crate::data::dataset::names::{is_names, names};
use crate::data::dataset::parts::{Places, by_part};
use crate::image::sources::is_image;
use text::Txt;

/// YOLO's form.
pub struct Yolo;

impl Format for Yolo {
    fn expected(&self) -> &'static str {
        "images and YOLO's labels with a classes.txt"
    }

    fn folder(&self, path: &Path) -> Result<Option<Dataset>, Error> {
        let images = files::below(path, is_image)?;
        let labelled = |image: &PathBuf| label_path(image).is_file() || image.with_extension("txt").is_file();
        if !images.iter().any(labelled) {
            return Ok(None);
        }
        let mut lists = files::below(path, is_names)?;
        lists.sort_by_key(|file| (file.components().count(), file.clone()));
        let Some(list) = lists.first() else {
            let why = "has labels in YOLO's form, but nothing that names their classes: add a file classes.txt with a name a \
                       line, or a data.yaml with `train`, `val` and `names`";
            return Err(Error::Description { path: path.to_path_buf(), why: why.into() });
        };
        let names = names(list)?;
        if names.is_empty() {
            return Err(Error::Description { path: list.clone(), why: "holds no names of classes".into() });
        }
        Ok(Some(Dataset::found(path, path, places(path, &images)?, names)))
    }

    fn labels(&self, images: &[PathBuf], notes: &mut Vec<String>) -> Option<Vec<Box<dyn Labels>>> {
        let expected: Vec<PathBuf> = images.iter().map(|image| there(label_path(image))).collect();
        if expected.iter().any(|file| file.is_file()) {
            return Some(expected.into_iter().map(Txt::of).collect());
        }
        let beside: Vec<PathBuf> = images.iter().map(|image| there(image.with_extension("txt"))).collect();
        if !beside.iter().any(|file| file.is_file()) {
            return None;
        }
        if let Some(folder) = images.first().and_then(|image| image.parent()) {
            notes.push(format!("labels are taken from beside the images, in '{}'", folder.display()));
        }
        Some(beside.into_iter().map(Txt::of).collect())
    }

    fn orphans(&self, entries: &[Entry]) -> Vec<String> {
        orphans::told(entries.iter().map(|entry| entry.labels.file()))
    }
}

/// The labels of images of which not one has any: where they should be.
pub fn expected(images: &[PathBuf]) -> Vec<Box<dyn Labels>> {
    images.iter().map(|image| Txt::of(there(label_path(image)))).collect()
}

/// The parts of a folder of these images.
fn places(path: &Path, images: &[PathBuf]) -> Result<Places, Error> {
    // Labels in a folder of the same parts are found from the images.
    let inner = path.join("images");
    let mut parts = by_part(if inner.is_dir() { &inner } else { path })?;
    for places in &mut parts {
        let within =
            |place: PathBuf| Some(place.join("images")).filter(|inner| inner.is_dir()).unwrap_or(place);
        *places = places.drain(..).map(within).collect();
        places.retain(|place| images.iter().any(|image| image.starts_with(place)));
    }
    Ok(match parts[0].is_empty() {
        true => Places::shared(if inner.is_dir() { inner } else { path.to_path_buf() }),
        false => Places::completed(parts),
    })
}

/// A label file as it is named, or with its suffix in upper case where only that is there.
fn there(file: PathBuf) -> PathBuf {
    let upper = file.with_extension("TXT");
    if !file.is_file() && upper.is_file() { upper } else { file }
}

/// Where YOLO's labels of an image are: upstream's `img2label_paths`, the last folder `images` becoming
/// `labels`.
fn label_path(image: &Path) -> PathBuf {
    let parts: Vec<_> = image.components().collect();
    // The file's own name does not count. Upstream looks for `/images/`, in paths that it made absolute.
    let last = parts.len().saturating_sub(1);
    let found = (0..last).rev().find(|&i| parts[i].as_os_str().eq_ignore_ascii_case("images"));
    let with = |at: usize, labels: &str| -> PathBuf {
        let before = parts[..at].iter().map(|part| part.as_os_str());
        before.chain([labels.as_ref()]).chain(parts[at + 1..].iter().map(|part| part.as_os_str())).collect()
    };
    let path = match found {
        Some(at) if parts[at].as_os_str() == "images" => with(at, "labels"),
        Some(at) => {
            let folders = ["labels", "Labels", "LABELS"].map(|labels| with(at, labels));
            let there = folders.iter().find(|path| path.parent().is_some_and(Path::is_dir));
            there.unwrap_or(&folders[0]).clone()
        }
        None => image.to_path_buf(),
    };
    path.with_extension("txt")
}
