//! An image of a dataset before it is checked, and where its labels are.

use super::frame::Object;
use std::path::{Path, PathBuf};

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
    pub fn yolo(image: PathBuf) -> Self {
        let labels = Source::Txt(there(label_path(&image)));
        Self { image, labels }
    }
}

/// A label file as it is named, or with its suffix in upper case where only that is there.
pub fn there(file: PathBuf) -> PathBuf {
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
