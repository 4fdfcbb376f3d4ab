//! A Pascal VOC folder as tools write it: where its images, its XML files and its lists are.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::files::{ANNOTATIONS, IMAGES, Index, is_xml, subfolder};
use super::labels::Xml;
use super::lists;
use crate::data::Error;
use crate::data::dataset::entry::Entry;
use crate::data::dataset::files::{self, below};
use crate::data::dataset::item::SplitName;
use crate::image::sources::is_image;

/// A folder of images, one of XML files, and the lists of its parts by their names in lower case.
#[derive(Clone, Debug)]
pub struct Root {
    pub folder: PathBuf,
    pub images: PathBuf,
    annotations: PathBuf,
    lists: BTreeMap<String, PathBuf>,
}

/// What stands for a part of a VOC folder.
#[derive(Debug, PartialEq)]
pub struct Part {
    /// The list; none for all images.
    list: Option<PathBuf>,
    /// The list of those that belong to another part.
    without: Option<PathBuf>,
    /// Whether training and validation have to share these.
    pub divided: bool,
}

impl Root {
    /// The VOC folder at `folder`, if it is one: with `JPEGImages` and `Annotations`, or with folders of like names of which
    /// the second holds XML files.
    pub fn find(folder: &Path) -> Option<Root> {
        let listed = files::listed(folder).ok()?;
        let images = IMAGES.iter().find_map(|name| subfolder(&listed, name))?;
        let own =
            |path: &Path, name: &str| path.file_name().is_some_and(|own| own.eq_ignore_ascii_case(name));
        let holds = |annotations: &PathBuf| {
            own(&images, IMAGES[0]) && own(annotations, ANNOTATIONS[0])
                || below(annotations, is_xml).is_ok_and(|files| !files.is_empty())
        };
        let annotations = ANNOTATIONS.iter().filter_map(|name| subfolder(&listed, name)).find(holds)?;
        let within = |folder: &Option<PathBuf>| {
            folder.as_deref().map(|folder| files::listed(folder).unwrap_or_default()).unwrap_or_default()
        };
        let sets = within(&subfolder(&listed, "ImageSets"));
        let main = within(&subfolder(&sets, "Main"));
        let mut lists = BTreeMap::new();
        for file in listed.into_iter().chain(sets).chain(main) {
            if file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("txt"))
                && let Some(stem) = file.file_stem()
            {
                lists.insert(stem.to_string_lossy().to_lowercase(), file);
            }
        }
        Some(Root { folder: folder.to_path_buf(), images, annotations, lists })
    }

    /// The VOC folder that a list in its `ImageSets` belongs to.
    pub fn of_list(list: &Path) -> Option<Root> {
        let named =
            |path: &&Path, name: &str| path.file_name().is_some_and(|own| own.eq_ignore_ascii_case(name));
        let sets = list.ancestors().skip(1).take(2).find(|path| named(path, "imagesets"))?;
        Root::find(sets.parent()?)
    }

    fn list(&self, names: &[&str]) -> Option<&PathBuf> {
        names.iter().find_map(|name| self.lists.get(*name))
    }

    /// The list for learning.
    pub fn train(&self) -> Option<&PathBuf> {
        self.list(&["train", "training", "train_list", "trainval", "default"])
    }

    /// The list for watching.
    pub fn val(&self) -> Option<&PathBuf> {
        self.list(&["val", "valid", "validation", "val_list", "test", "test_list"])
    }

    /// The list for the final measurement.
    pub fn test(&self) -> Option<&PathBuf> {
        self.list(&["test", "testing", "test_list"])
    }

    /// What stands for a part; `both` says that the same folder is to serve training and validation.
    pub fn part(&self, which: SplitName, both: bool) -> Result<Part, Error> {
        let whole = |list: Option<&PathBuf>| Part { list: list.cloned(), without: None, divided: both };
        let alone = |list: &PathBuf| Part { list: Some(list.clone()), without: None, divided: false };
        let lacking = |wanted: &str| {
            let there: Vec<&str> = self.lists.keys().map(String::as_str).take(8).collect();
            let why = format!("has lists {}, but none for {which}: expected {wanted}", there.join(", "));
            Error::Description { path: self.folder.clone(), why }
        };
        match (which, self.train(), self.val()) {
            (SplitName::Train, Some(train), Some(val)) => {
                // A list of both holds what is to be watched, too.
                let own = self.lists.get("trainval") == Some(train) && self.test() != Some(val);
                Ok(Part { without: own.then(|| val.clone()), ..alone(train) })
            }
            (SplitName::Val, _, Some(val)) => Ok(alone(val)),
            (SplitName::Train | SplitName::Val, train @ Some(_), None) => Ok(whole(train)),
            (SplitName::Train, None, Some(_)) => Err(lacking("ImageSets/Main/train.txt or trainval.txt")),
            (SplitName::Train | SplitName::Val, None, None) => Ok(whole(None)),
            (SplitName::Test, ..) => self.test().map(alone).ok_or_else(|| lacking("ImageSets/Main/test.txt")),
        }
    }

    /// The images of a part.
    pub fn entries(&self, part: &Part, notes: &mut Vec<String>) -> Result<Vec<Entry>, Error> {
        let (images, others) = below(&self.images, |_| true)?.into_iter().partition(|file| is_image(file));
        let images = Index::new(&self.images, images);
        notes.extend(files::others(&self.images, others));
        let xml = Index::below(&self.annotations, is_xml)?;
        let entry = |image: &PathBuf| {
            let labels = xml.partner(&self.images, image).cloned();
            let expected = || {
                let name = image.strip_prefix(&self.images).unwrap_or(image);
                self.annotations.join(name).with_extension("xml")
            };
            Entry { image: image.clone(), labels: Xml::of(labels.unwrap_or_else(expected)) }
        };
        let read = |list: &Path, notes: &mut Vec<String>| lists::images(list, &images, &self.images, notes);
        let Some(list) = &part.list else {
            let alone = |file: &&PathBuf| images.partner(&self.annotations, file).is_none();
            let alone: Vec<&PathBuf> = xml.files().filter(alone).collect();
            if let Some(first) = alone.iter().min() {
                let what = if alone.len() == 1 {
                    "1 XML file has"
                } else {
                    &format!("{} XML files have", alone.len())
                };
                notes.push(format!(
                    "{what} no image in '{}', as '{}'",
                    self.images.display(),
                    first.display()
                ));
            }
            return Ok(images.files().map(entry).collect());
        };
        let mut files = read(list, notes)?;
        if let Some(without) = &part.without {
            let others: HashSet<PathBuf> = read(without, &mut vec![])?.into_iter().collect();
            files.retain(|file| !others.contains(file));
        }
        Ok(files.iter().map(entry).collect())
    }

    /// What stands for a list that a dataset names itself.
    pub fn listed(list: &Path) -> Part {
        Part { list: Some(list.to_path_buf()), without: None, divided: false }
    }
}
