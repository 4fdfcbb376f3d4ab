//! COCO: one JSON file of all images, categories and objects (`instances_*.json`).

mod images;
mod instances;
mod json;
mod outline;

use std::path::{Path, PathBuf};

use super::{Format, Found};
use crate::data::Error;
use crate::data::dataset::description::Dataset;
use crate::data::dataset::files::{self, stem};
use crate::data::dataset::item::SplitName;
use crate::data::dataset::parts::{Places, part_of};

/// More JSON files than COCO's annotations have: then there is one for each image, which is another form.
const MOST: usize = 50;

/// COCO's form.
pub struct Coco;

impl Format for Coco {
    fn expected(&self) -> &'static str {
        "COCO's annotations/*.json"
    }

    fn folder(&self, path: &Path) -> Result<Option<Dataset>, Error> {
        let mut files = files::below(path, is_json)?;
        files.retain(|file| coco_part(path, file).is_some());
        if files.iter().any(|file| is_instances(file)) {
            files.retain(|file| is_instances(file));
        }
        files.sort();
        match files.len() {
            1..=MOST => json(path, path, &files).map(Some),
            _ => Ok(None),
        }
    }

    fn file(&self, path: &Path) -> Option<Result<Dataset, Error>> {
        is_json(path).then(|| described(path))
    }

    fn place(
        &self,
        dataset: &Dataset,
        _: SplitName,
        (_, path): (&str, &Path),
        notes: &mut Vec<String>,
    ) -> Option<Result<Found, Error>> {
        let is_file = is_json(path) && !path.is_dir();
        is_file.then(|| Ok((instances::entries(dataset, path, notes)?, false)))
    }
}

/// Reads a COCO JSON named in place of a data.yaml, and those beside it that are of other parts.
fn described(path: &Path) -> Result<Dataset, Error> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut files = vec![path.to_path_buf()];
    let part = |file: &Path| coco_part(folder, file).flatten();
    if let Some(own) = part(path) {
        // instances_train.json and instances_val.json differ in the part alone.
        let like = |file: &Path| stem(file).replace(own, "");
        let named = |file: &Path, other: &str| stem(file).replace(other, "") == like(path);
        let beside = files::listed(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?;
        let others = beside.into_iter().filter(|file| is_json(file) && file != path);
        files.extend(others.filter(|file| part(file).is_some_and(|other| named(file, other))));
    }
    json(path, folder, &files)
}

/// Describes these files, which lie below `folder`.
fn json(path: &Path, folder: &Path, files: &[PathBuf]) -> Result<Dataset, Error> {
    let mut places = [const { Vec::new() }; 3];
    for file in files {
        let at = match coco_part(folder, file).flatten() {
            Some("val") => SplitName::Val,
            Some("test") => SplitName::Test,
            _ => SplitName::Train,
        };
        places[at as usize].push(file.clone());
    }
    let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let names = instances::names(&paths)?;
    if names.is_empty() {
        let why = "has no `categories` with names: name them in a data.yaml".into();
        return Err(Error::Description { path: files[0].clone(), why });
    }
    Ok(Dataset::found(path, folder, Places::completed(places), names))
}

fn is_json(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

fn is_instances(file: &Path) -> bool {
    stem(file).starts_with("instances")
}

/// The part that a JSON file is of, if its name or its folder's says so; nothing at all for COCO's files of other tasks.
fn coco_part(folder: &Path, file: &Path) -> Option<Option<&'static str>> {
    const OTHERS: [&str; 6] =
        ["captions", "person_keypoints", "panoptic", "stuff", "image_info", "predictions"];
    let name = stem(file);
    if OTHERS.iter().any(|other| name.starts_with(other)) || name.ends_with(".cache") {
        return None;
    }
    let within = file.parent().and_then(|parent| parent.strip_prefix(folder).ok());
    let above = within.map(|within| within.to_string_lossy().to_lowercase());
    Some(part_of(&name).or_else(|| part_of(&above.unwrap_or_default())))
}
