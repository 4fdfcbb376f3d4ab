//! An image that is yet to be checked, with where its labels are.

use std::path::{Path, PathBuf};

use super::frame::{Head, Object, Row};
use super::trouble::Fault;

/// An image that is yet to be checked.
pub struct Entry {
    pub image: PathBuf,
    pub labels: Box<dyn Labels>,
}

/// The labels of one image in the form of its dataset.
pub trait Labels: Send + Sync {
    /// The file that holds them, or that should.
    fn file(&self) -> &Path;

    /// Where they should be, for messages.
    fn place(&self) -> String {
        format!("'{}'", self.file().display())
    }

    /// The rows of the image's objects; nothing where there are no labels, as for background. `head` is the image's, `names` are
    /// those of the classes. What is wrong with single rows goes into `faults`.
    fn rows(&self, head: Head, names: &[String], faults: &mut Vec<Fault>) -> Option<Result<Vec<Row>, Fault>>;

    /// Whether they were read with the dataset, so that they are as new as can be and nothing is kept of their checks.
    fn is_read(&self) -> bool {
        false
    }

    /// Gives away objects that were read with the dataset.
    fn take(&mut self) -> Option<Vec<Object>> {
        None
    }

    /// Takes over objects that another file gives for the same image.
    fn add(&mut self, _objects: Vec<Object>) {}
}

impl Entry {
    /// Takes over the objects that another file gives for the same image.
    fn merge(&mut self, mut other: Entry) {
        if let Some(objects) = other.labels.take() {
            self.labels.add(objects);
        }
    }
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
