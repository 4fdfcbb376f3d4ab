//! The results of the checks, kept beside the labels: only what has changed since is checked again.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::description::Dataset;
use super::entry::Entry;
use super::item::{Label, SplitName};
use super::trouble::TroubleKind;
use crate::atomic;

/// Changes when the checks or the file change.
const VERSION: u32 = 2;

/// What is known of an image once checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checked {
    /// Height and width, and the labels; nothing for a broken one.
    pub item: Option<((usize, usize), Vec<Label>)>,
    /// Whether there is a file of labels; not looked for where the image is broken.
    pub found: Option<bool>,
    /// Kind, what is wrong, and of how many objects.
    pub messages: Vec<(TroubleKind, String, usize)>,
}

/// Length and time of change of a file; nothing where there is none.
type Stamp = Option<(u64, u128)>;

/// What is known of a part's images, and where that is kept.
pub struct Cache {
    file: PathBuf,
    /// Whether the file may be replaced.
    ours: bool,
    stored: Stored,
}

#[derive(Default, Serialize, Deserialize)]
struct Stored {
    version: u32,
    /// The classes' names, on which VOC's classes and the check of their number depend.
    names: Vec<String>,
    entries: HashMap<PathBuf, StoredEntry>,
}

/// What a file of any version has.
#[derive(Deserialize)]
struct Version {
    #[serde(rename = "version")]
    _version: u32,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct StoredEntry {
    image: Stamp,
    labels: (PathBuf, Stamp),
    found: Option<bool>,
    size: Option<(usize, usize)>,
    /// Single precision is all that the labels have.
    objects: Vec<(usize, [f32; 4], Vec<[f32; 2]>)>,
    messages: Vec<(TroubleKind, String, usize)>,
}

impl Cache {
    /// Reads what is kept for these images. A file that is not there, or not ours, or of other names, is the same as
    /// an empty one.
    pub fn read(dataset: &Dataset, which: SplitName, entries: &[Entry]) -> Self {
        let labels = entries.first().map(|Entry { labels, .. }| match (labels.is_read(), labels.file()) {
            (true, file) => file.to_path_buf(),
            (false, file) => file.parent().unwrap_or(Path::new(".")).to_path_buf(),
        });
        let mut file = labels.unwrap_or_default().into_os_string();
        file.push(format!(".{which}.cache.json"));
        let file = PathBuf::from(file);
        let bytes = fs::read(&file).unwrap_or_default();
        let ours = bytes.is_empty() || serde_json::from_slice::<Version>(&bytes).is_ok();
        let stored = serde_json::from_slice(&bytes).ok();
        let fits = |stored: &Stored| stored.version == VERSION && stored.names == dataset.names;
        let stored = stored.filter(fits).unwrap_or_else(|| Stored {
            version: VERSION,
            names: dataset.names.clone(),
            entries: HashMap::new(),
        });
        Self { file, ours, stored }
    }

    /// What is known of an image, unless it or its labels have changed.
    pub fn get(&self, entry: &Entry) -> Option<Checked> {
        if entry.labels.is_read() {
            return None;
        }
        let stored = self.stored.entries.get(&entry.image)?;
        let fresh = stored.image == stamp(&entry.image) && stored.labels == labels(entry);
        if !fresh || !stored.is_sound(self.stored.names.len()) {
            return None;
        }
        let label = |(class, rect, segment): &(usize, [f32; 4], Vec<[f32; 2]>)| Label {
            class: *class,
            rect: rect.map(f64::from),
            segment: segment.clone(),
        };
        Some(Checked {
            item: stored.size.map(|size| (size, stored.objects.iter().map(label).collect())),
            found: stored.found,
            messages: stored.messages.clone(),
        })
    }

    /// Keeps the results, if they are news and the folder can be written to.
    pub fn write(mut self, entries: &[Entry], checked: &[Checked]) {
        let before = std::mem::take(&mut self.stored.entries);
        let ours = entries.iter().zip(checked).filter(|(entry, _)| !entry.labels.is_read());
        let stored = ours.map(|(entry, checked)| (entry.image.clone(), StoredEntry::new(entry, checked)));
        self.stored.entries = stored.collect();
        if !self.ours || self.stored.entries == before || self.stored.entries.is_empty() {
            return;
        }
        let Ok(bytes) = serde_json::to_vec(&self.stored) else { return };
        // A dataset on a read-only disk is checked anew each time.
        let _ = atomic::replace(&self.file, |file| file.write_all(&bytes));
    }
}

impl StoredEntry {
    /// Whether the checks may have come to it: anybody can write into the file.
    fn is_sound(&self, classes: usize) -> bool {
        let object = |(class, rect, segment): &(usize, [f32; 4], Vec<[f32; 2]>)| {
            *class < classes
                && rect.iter().all(|share| (0.0..=1.0).contains(share))
                && segment.as_flattened().iter().all(|share| share.is_finite())
        };
        let side = |side: usize| (1..=1 << 20).contains(&side);
        self.size.is_none_or(|(height, width)| side(height) && side(width)) && self.objects.iter().all(object)
    }

    fn new(entry: &Entry, checked: &Checked) -> Self {
        let (size, labels_of) = match &checked.item {
            Some((size, labels)) => (Some(*size), labels.as_slice()),
            None => (None, [].as_slice()),
        };
        let object =
            |label: &Label| (label.class, label.rect.map(|share| share as f32), label.segment.clone());
        Self {
            image: stamp(&entry.image),
            labels: labels(entry),
            found: checked.found,
            size,
            objects: labels_of.iter().map(object).collect(),
            messages: checked.messages.clone(),
        }
    }
}

fn labels(entry: &Entry) -> (PathBuf, Stamp) {
    let file = entry.labels.file();
    (file.to_path_buf(), stamp(file))
}

fn stamp(file: &Path) -> Stamp {
    let meta = fs::metadata(file).ok()?;
    let changed = meta.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some((meta.len(), changed.as_nanos()))
}
