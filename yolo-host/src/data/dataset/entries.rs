//! From the places that a dataset names to its images, each with where its labels are.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::divide::divided;
use super::frame::Object;
use super::voc::{self, Root};
use super::{Dataset, Error, SplitName, coco, leftover, places};
use crate::image::sources::is_image;

/// An image that is yet to be checked.
pub struct Entry {
    pub image: PathBuf,
    pub labels: Source,
}

/// Where labels come from.
pub enum Source {
    /// YOLO's text file.
    Txt(PathBuf),
    /// Pascal VOC's XML file.
    Xml(PathBuf),
    /// An image of a COCO file: the width and height given, and the objects; nothing where there is no annotation.
    Json { file: PathBuf, given: Option<[f64; 2]>, objects: Option<Vec<Object>> },
}

impl Entry {
    /// Where the labels should be, for messages.
    pub fn place(&self) -> String {
        let file = self.file().display();
        match &self.labels {
            Source::Txt(_) => format!("'{file}' (or as XML beside the image, or in a folder Annotations)"),
            Source::Xml(_) | Source::Json { .. } => format!("'{file}'"),
        }
    }

    /// Takes over the objects that another file gives for the same image.
    pub fn merge(&mut self, other: Entry) {
        if let (Source::Json { objects, .. }, Source::Json { objects: Some(more), .. }) =
            (&mut self.labels, other.labels)
        {
            objects.get_or_insert_default().extend(more);
        }
    }

    /// The file that holds the labels.
    pub fn file(&self) -> &Path {
        match &self.labels {
            Source::Txt(file) | Source::Xml(file) | Source::Json { file, .. } => file,
        }
    }

    /// An image of a YOLO dataset.
    fn yolo(image: PathBuf) -> Self {
        let labels = Source::Txt(there(label_path(&image)));
        Self { image, labels }
    }
}

/// A label file as it is named, or with its suffix in upper case where only that is there.
fn there(file: PathBuf) -> PathBuf {
    let upper = file.with_extension("TXT");
    if !file.is_file() && upper.is_file() { upper } else { file }
}

/// Where YOLO's labels of an image are: upstream's `img2label_paths`, the last folder `images` becoming
/// `labels`.
pub fn label_path(image: &Path) -> PathBuf {
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

/// All images of a part, in no order and perhaps twice. `share` of those that train and val have in common are for
/// train.
pub fn of(
    dataset: &Dataset,
    which: SplitName,
    share: f64,
    notes: &mut Vec<String>,
) -> Result<Vec<Entry>, Error> {
    let unnamed = match which {
        SplitName::Val if !dataset.has(which) => places::unnamed(dataset, notes),
        SplitName::Train | SplitName::Val | SplitName::Test => None,
    };
    let places = unnamed.as_ref().unwrap_or(&dataset.places[which as usize]);
    if places.is_empty() {
        return Err(Error::NoSplit { path: dataset.file.clone(), split: which });
    }
    let (mut entries, mut common) = (Vec::new(), Vec::new());
    for place in places {
        let (found, divided) = at(dataset, which, place, notes)?;
        if divided || dataset.divided { common.extend(found) } else { entries.extend(found) }
    }
    // A VOC folder serves both by its lists.
    let has_lists = |place: &String| dataset.bases.iter().any(|base| Root::find(&base.join(place)).is_some());
    if which == SplitName::Val
        && common.is_empty()
        && *places == dataset.places[SplitName::Train as usize]
        && !places.iter().any(has_lists)
    {
        notes.push(
            "train and val are the same images: validation does not show what the model makes of others"
                .into(),
        );
    }
    // Without the `.` that a path may hold, so that one image has one name.
    let plain = |entry: &mut Entry| entry.image = entry.image.components().collect();
    if !common.is_empty() {
        common.iter_mut().for_each(plain);
        entries.extend(divided(unique(common), which, share, notes));
    }
    if entries.is_empty() {
        let places = places.iter().map(|place| format!("'{}'", dataset.bases[0].join(place).display()));
        return Err(Error::NoImages { split: which, places: places.collect::<Vec<_>>().join(", ") });
    }
    entries.iter_mut().for_each(plain);
    Ok(entries)
}

/// Sorted by path, each image once.
pub fn unique(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by(|a, b| a.image.as_os_str().cmp(b.image.as_os_str()));
    let mut unique: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        match unique.last_mut().filter(|last| last.image == entry.image) {
            Some(last) => last.merge(entry),
            None => unique.push(entry),
        }
    }
    unique
}

/// The images of one place, and whether it serves train and val alike, without a list that says which are for which.
fn at(
    dataset: &Dataset,
    which: SplitName,
    place: &str,
    notes: &mut Vec<String>,
) -> Result<(Vec<Entry>, bool), Error> {
    let path = match places::find(dataset, place, notes) {
        Err(_) if place.contains(['*', '?', '[']) => {
            return Ok((labelled(places::glob(dataset, place, notes)?, notes), false));
        }
        found => found?,
    };
    // Without the `.` and the `/` at the end that a place may have, for messages.
    let path: PathBuf = path.components().collect();
    if path.is_dir() {
        let Some(root) = Root::find(&path) else {
            let (images, others) = below(&path, |_| true)?.into_iter().partition(|file| is_image(file));
            let entries = labelled(images, notes);
            notes.extend(leftover::others(&path, others));
            notes.extend(leftover::orphans(&entries));
            return Ok((entries, false));
        };
        let [train, val, _] = &dataset.places;
        let both = [train, val].iter().all(|places| places.iter().any(|other| other == place));
        let part = root.part(which, both)?;
        return Ok((root.entries(&part, notes)?, part.divided));
    }
    let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let entries = if json {
        coco::entries(dataset, &path, notes)?
    } else if let Some(root) = Root::of_list(&path) {
        root.entries(&Root::listed(&path), notes)?
    } else {
        labelled(places::lines(dataset, &path, notes)?, notes)
    };
    Ok((entries, false))
}

/// Images with YOLO's labels, which lie in a folder `labels` or beside them; where not one has any, but some have XML files
/// beside them or in a folder of annotations, with these.
fn labelled(images: Vec<PathBuf>, notes: &mut Vec<String>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = images.iter().cloned().map(Entry::yolo).collect();
    if entries.iter().any(|entry| entry.file().is_file()) {
        return entries;
    }
    let beside = |image: &PathBuf| there(image.with_extension("txt"));
    if images.iter().any(|image| beside(image).is_file()) {
        if let Some(folder) = images.first().and_then(|image| image.parent()) {
            notes.push(format!("labels are taken from beside the images, in '{}'", folder.display()));
        }
        entries.iter_mut().zip(&images).for_each(|(entry, image)| entry.labels = Source::Txt(beside(image)));
    } else if let Some(files) = voc::beside(&images) {
        entries.iter_mut().zip(files).for_each(|(entry, file)| entry.labels = Source::Xml(file));
    }
    entries
}

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
