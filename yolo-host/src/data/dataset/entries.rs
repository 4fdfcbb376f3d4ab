//! From the places that a dataset names to its pictures, each with where its labels are.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::sources::{is_picture, matched};
use super::divide::divided;
use super::frame::Object;
use super::voc::{self, Root};
use super::{Dataset, Error, SplitName, coco};

/// A picture that is yet to be checked.
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

    /// A picture of a YOLO dataset.
    fn yolo(image: PathBuf) -> Self {
        let labels = Source::Txt(label_path(&image));
        Self { image, labels }
    }
}

/// Where YOLO's labels of a picture are: upstream's `img2label_paths`, the last folder `images` becoming
/// `labels`.
pub fn label_path(image: &Path) -> PathBuf {
    let parts: Vec<_> = image.components().collect();
    // Neither the file's own name nor a first relative folder counts: upstream looks for `/images/`.
    let last = parts.len().saturating_sub(1);
    let found = (1..last).rev().find(|&i| parts[i].as_os_str() == "images");
    let path: PathBuf = match found {
        Some(at) => parts[..at]
            .iter()
            .map(|part| part.as_os_str())
            .chain(["labels".as_ref()])
            .chain(parts[at + 1..].iter().map(|part| part.as_os_str()))
            .collect(),
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
    let places = &dataset.places[which as usize];
    if places.is_empty() {
        return Err(Error::NoSplit { path: dataset.file.clone(), split: which });
    }
    let (mut entries, mut common) = (Vec::new(), Vec::new());
    for place in places {
        let (found, divided) = at(dataset, which, place, notes)?;
        if divided || dataset.divided { common.extend(found) } else { entries.extend(found) }
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
    let candidates = || dataset.bases.iter().map(|base| base.join(place));
    let missing = |place| Error::Missing { path: dataset.file.clone(), place };
    let Some(path) = candidates().find(|path| path.exists()) else {
        if place.contains(['*', '?', '[']) {
            for path in candidates() {
                let mut files = matched(&path.to_string_lossy())?;
                files.retain(|file| is_picture(file));
                if !files.is_empty() {
                    return Ok((labelled(files), false));
                }
            }
            return Ok((vec![], false));
        }
        return Err(missing(candidates().next().unwrap_or_else(|| place.into())));
    };
    // Without the `.` and the `/` at the end that a place may have, for messages.
    let path: PathBuf = path.components().collect();
    if path.is_dir() {
        let Some(root) = Root::find(&path) else { return Ok((labelled(below(&path, is_picture)?), false)) };
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
        labelled(lines(dataset, &path)?.into_iter().filter(|file| is_picture(file)).collect())
    };
    Ok((entries, false))
}

/// Images with YOLO's labels; where not one has any, but some have XML files beside them or in a folder of annotations, with
/// these.
fn labelled(images: Vec<PathBuf>) -> Vec<Entry> {
    if !images.iter().any(|image| label_path(image).is_file())
        && let Some(files) = voc::beside(&images)
    {
        let entry = |(image, file)| Entry { image, labels: Source::Xml(file) };
        return images.into_iter().zip(files).map(entry).collect();
    }
    images.into_iter().map(Entry::yolo).collect()
}

/// The pictures that a text file lists. `./` means the list's own folder; other relative paths are looked for
/// from the current folder, as upstream takes them, then from the dataset's.
fn lines(dataset: &Dataset, list: &Path) -> Result<Vec<PathBuf>, Error> {
    let beside = list.parent().unwrap_or(Path::new(""));
    let resolve = |line: &str| match line.strip_prefix("./") {
        Some(rest) => beside.join(rest),
        None => {
            let plain = PathBuf::from(line);
            let bases = dataset.bases.iter().map(|base| base.join(line)).chain([beside.join(line)]);
            if plain.is_absolute() || plain.exists() {
                return plain;
            }
            bases.into_iter().find(|path| path.exists()).unwrap_or(plain)
        }
    };
    Ok(text(list)?.lines().map(str::trim).filter(|line| !line.is_empty()).map(resolve).collect())
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
    super::super::sources::listed(folder)
}

/// A text file's content.
pub fn text(path: &Path) -> Result<String, Error> {
    Ok(crate::text::read(path)?)
}
