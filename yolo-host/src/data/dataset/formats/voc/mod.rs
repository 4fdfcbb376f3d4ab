//! Pascal VOC: an XML file an image, boxes in pixels, lists of the parts.

mod files;
mod labels;
mod layout;
mod lists;
mod root;
mod xml;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Format, Found};
use crate::data::Error;
use crate::data::dataset::description::Dataset;
use crate::data::dataset::entry::Labels;
use crate::data::dataset::files::below;
use crate::data::dataset::item::SplitName;
use files::{beside, is_xml};
use labels::Xml;
use root::Root;

/// Pascal VOC's form, and what other tools make of it.
pub struct Voc;

impl Format for Voc {
    fn expected(&self) -> &'static str {
        "a Pascal VOC folder with JPEGImages and Annotations (or images and annotations, or XML files beside the images)"
    }

    fn folder(&self, path: &Path) -> Result<Option<Dataset>, Error> {
        let Some(places) = layout::places(path)? else { return Ok(None) };
        let mut names = BTreeSet::new();
        labels::collect_names(&below(path, is_xml)?, &mut names);
        if names.is_empty() {
            let why = "no objects in the XML files of its folder Annotations".into();
            return Err(Error::Description { path: path.to_path_buf(), why });
        }
        Ok(Some(Dataset::found(path, path, places, names.into_iter().collect())))
    }

    fn place(
        &self,
        dataset: &Dataset,
        which: SplitName,
        (place, path): (&str, &Path),
        notes: &mut Vec<String>,
    ) -> Option<Result<Found, Error>> {
        if !path.is_dir() {
            let root = Root::of_list(path)?;
            return Some(root.entries(&Root::listed(path), notes).map(|entries| (entries, false)));
        }
        let root = Root::find(path)?;
        let [train, val, _] = &dataset.places;
        let both = [train, val].iter().all(|places| places.iter().any(|other| other == place));
        let part = root.part(which, both);
        Some(part.and_then(|part| Ok((root.entries(&part, notes)?, part.divided))))
    }

    fn labels(&self, images: &[PathBuf], _: &mut Vec<String>) -> Option<Vec<Box<dyn Labels>>> {
        Some(beside(images)?.into_iter().map(Xml::of).collect())
    }

    fn has_lists(&self, folder: &Path) -> bool {
        Root::find(folder).is_some()
    }
}
