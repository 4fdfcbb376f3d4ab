//! From the places that a dataset names to its pictures, each with where its labels are.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::sources::{is_picture, matched};
use super::{Dataset, Error, Label, SplitName, coco, voc};

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
    /// An entry of a COCO file: the labels, or what is wrong with them; nothing where there is no annotation.
    Json { file: PathBuf, labels: Option<Result<Vec<Label>, String>> },
}

impl Entry {
    /// Where the labels should be, for messages.
    pub fn place(&self) -> String {
        format!("'{}'", self.file().display())
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

/// All pictures of a part, in no order and perhaps twice.
pub fn of(dataset: &Dataset, which: SplitName) -> Result<Vec<Entry>, Error> {
    let places = &dataset.places[which as usize];
    if places.is_empty() {
        return Err(Error::NoSplit { path: dataset.file.clone(), split: which });
    }
    let mut entries = Vec::new();
    for place in places {
        entries.extend(at(dataset, which, place)?);
    }
    if entries.is_empty() {
        let places = places.iter().map(|place| format!("'{place}'")).collect::<Vec<_>>().join(", ");
        return Err(Error::NoImages { split: which, places });
    }
    // Without the `.` that a path may hold, so that one picture has one name.
    entries.iter_mut().for_each(|entry| entry.image = entry.image.components().collect());
    Ok(entries)
}

fn at(dataset: &Dataset, which: SplitName, place: &str) -> Result<Vec<Entry>, Error> {
    let candidates = || dataset.bases.iter().map(|base| base.join(place));
    let missing = |place| Error::Missing { path: dataset.file.clone(), place };
    let Some(path) = candidates().find(|path| path.exists()) else {
        if place.contains(['*', '?', '[']) {
            for path in candidates() {
                let files = matched(&path.to_string_lossy())?;
                let files: Vec<_> =
                    files.into_iter().filter(|file| is_picture(file)).map(Entry::yolo).collect();
                if !files.is_empty() {
                    return Ok(files);
                }
            }
            return Ok(vec![]);
        }
        return Err(missing(candidates().next().unwrap_or_else(|| place.into())));
    };
    let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    if path.is_dir() && voc::is_root(&path) {
        let list = voc::list(&path, which.name());
        if !list.is_file() {
            return Err(missing(list));
        }
        voc::entries(&path, &list)
    } else if path.is_dir() {
        let mut files = Vec::new();
        walk(&path, &mut HashSet::new(), &mut files)?;
        Ok(files.into_iter().map(Entry::yolo).collect())
    } else if json {
        coco::entries(dataset, &path)
    } else if let Some(root) = voc::root_of(&path) {
        voc::entries(root, &path)
    } else {
        Ok(lines(dataset, &path)?.into_iter().filter(|file| is_picture(file)).map(Entry::yolo).collect())
    }
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

/// The pictures in a folder and its folders, hidden ones left out. Links are followed, each folder once.
fn walk(folder: &Path, seen: &mut HashSet<PathBuf>, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let real = fs::canonicalize(&folder).map_err(|cause| Error::Read { path: folder.clone(), cause })?;
        if !seen.insert(real) {
            continue;
        }
        for path in listed(&folder)? {
            if path.is_dir() {
                folders.push(path);
            } else if is_picture(&path) {
                files.push(path);
            }
        }
    }
    Ok(())
}

/// The entries of a folder that are not hidden.
pub fn listed(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    super::super::sources::listed(folder)
}

/// A text file's content.
pub fn text(path: &Path) -> Result<String, Error> {
    Ok(crate::text::read(path)?)
}
