//! A folder in YOLO's form without a data.yaml: images and labels as tools export them, with a file of names.

use std::path::{Path, PathBuf};

use super::entry::label_path;
use super::parts::{Places, by_part, complete};
use super::{Error, listing, places};
use crate::image::sources::is_image;
use crate::text;

/// Files of class names, a name a line, in lower case.
const NAMES: [&str; 5] = ["classes.txt", "names.txt", "labels.txt", "class_names.txt", "obj.names"];

/// Whether a file is one of class names by its own name.
pub fn is_names(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    NAMES.contains(&name.as_str()) || ["names", "labels"].contains(&places::suffix(file).as_str())
}

/// The names in a file, a name a line.
pub fn names(file: &Path) -> Result<Vec<String>, text::Error> {
    let text = text::read(file)?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// The parts of a folder and its classes, if it is one of images with YOLO's labels.
pub fn folder(path: &Path) -> Result<Option<(Places, Vec<String>)>, Error> {
    let images = listing::below(path, is_image)?;
    let labelled = |image: &PathBuf| label_path(image).is_file() || image.with_extension("txt").is_file();
    if !images.iter().any(labelled) {
        return Ok(None);
    }
    let mut files = listing::below(path, is_names)?;
    files.sort_by_key(|file| (file.components().count(), file.clone()));
    let Some(file) = files.first() else {
        let why = "has labels in YOLO's form, but nothing that names their classes: add a file classes.txt with a name a line, \
                   or a data.yaml with `train`, `val` and `names`";
        return Err(Error::Description { path: path.to_path_buf(), why: why.into() });
    };
    let names = names(file)?;
    if names.is_empty() {
        return Err(Error::Description { path: file.clone(), why: "holds no names of classes".into() });
    }
    // Labels in a folder of the same parts are found from the images.
    let inner = path.join("images");
    let mut parts = by_part(if inner.is_dir() { &inner } else { path })?;
    for places in &mut parts {
        let within =
            |place: PathBuf| Some(place.join("images")).filter(|inner| inner.is_dir()).unwrap_or(place);
        *places = places.drain(..).map(within).collect();
        places.retain(|place| images.iter().any(|image| image.starts_with(place)));
    }
    if parts[0].is_empty() {
        let whole = || vec![if inner.is_dir() { inner.clone() } else { path.to_path_buf() }];
        return Ok(Some((([whole(), whole(), vec![]], true), names)));
    }
    let divided = complete(&mut parts);
    Ok(Some(((parts, divided), names)))
}
