//! Every picture and its labels checked, the failures counted and listed: upstream's `verify_image_label`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::cache::Cache;
use super::entries::{Entry, Source};
use super::{Dataset, Item, Label, Split, SplitName, SplitOptions, voc, yolo};
use crate::data::Picture;

/// The shortest side of a picture in pixels that is of use.
const LEAST_SIDE: usize = 10;

/// What the checks of a [`Split`] met, in upstream's counts and one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Pictures with a file of labels, empty ones included.
    pub found: usize,
    /// Pictures without one: background.
    pub missing: usize,
    /// Files of labels without an object: background.
    pub empty: usize,
    /// Pictures left out because they or their labels are broken.
    pub corrupt: usize,
    /// Everything worth knowing, by picture.
    pub messages: Vec<Trouble>,
}

impl Report {
    /// How many messages are of this kind.
    pub fn count(&self, kind: TroubleKind) -> usize {
        self.messages.iter().filter(|trouble| trouble.kind == kind).count()
    }
}

/// One finding of the checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The picture.
    pub image: PathBuf,
    /// Of which kind.
    pub kind: TroubleKind,
    /// What is wrong.
    pub text: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fate = if self.kind.is_fatal() { " (picture left out)" } else { "" };
        write!(f, "{}: {}{fate}", self.image.display(), self.text)
    }
}

/// The kinds of [`Trouble`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TroubleKind {
    /// The picture cannot be read or its head is damaged.
    BrokenPicture,
    /// The picture is under 10 pixels wide or high.
    SmallPicture,
    /// A JPEG ends without its end mark: what is there is used.
    CutPicture,
    /// The label file cannot be read, or is not of its form.
    BrokenLabels,
    /// A row has not five columns, nor the outline of a segment.
    Columns,
    /// A number is negative.
    Negative,
    /// A coordinate is above 1, that is, outside the picture.
    OutOfRange,
    /// A class beyond the dataset's names.
    UnknownClass,
    /// Objects of a named class that the dataset's names lack: only these objects are left out.
    OtherClass,
    /// Rows that repeat another, and are left out.
    Duplicate,
    /// Boxes without width or height: kept, as upstream keeps them, though nothing can match them.
    Degenerate,
}

impl TroubleKind {
    /// Whether it costs the picture.
    pub fn is_fatal(self) -> bool {
        use TroubleKind::*;
        !matches!(self, CutPicture | OtherClass | Duplicate | Degenerate)
    }
}

/// Why a picture or its labels are of no use.
pub type Fault = (TroubleKind, String);

/// One line of labels, as read.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// A whole number, hopefully.
    pub class: f32,
    pub rect: [f32; 4],
    pub segment: Vec<[f32; 2]>,
}

/// What is known of a picture once checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checked {
    /// Height and width, and the labels; nothing for a broken one.
    pub item: Option<((usize, usize), Vec<Label>)>,
    /// Whether there is a file of labels; not looked for where the picture is broken.
    pub found: Option<bool>,
    pub messages: Vec<(TroubleKind, String)>,
}

/// Checks all pictures of a part.
pub fn all(dataset: &Dataset, which: SplitName, entries: &[Entry], options: &SplitOptions<'_>) -> Split {
    let cache = options.cache.then(|| Cache::read(dataset, which, entries));
    let done = AtomicUsize::new(0);
    let check = |entry: &Entry| {
        let known = cache.as_ref().and_then(|cache| cache.get(entry));
        let checked = known.unwrap_or_else(|| one(entry, &dataset.names));
        let done = 1 + done.fetch_add(1, Ordering::Relaxed);
        if let Some(progress) = options.progress {
            progress(done, entries.len());
        }
        checked
    };
    let checked: Vec<Checked> = entries.par_iter().map(check).collect();
    if let Some(cache) = cache {
        cache.write(entries, &checked);
    }

    let mut split = Split::default();
    for (entry, Checked { item, found, messages }) in entries.iter().zip(checked) {
        let report = &mut split.report;
        report.found += usize::from(found == Some(true));
        report.missing += usize::from(found == Some(false));
        let trouble = |(kind, text)| Trouble { image: entry.image.clone(), kind, text };
        report.messages.extend(messages.into_iter().map(trouble));
        match item {
            None => report.corrupt += 1,
            Some((size, labels)) => {
                report.empty += usize::from(found == Some(true) && labels.is_empty());
                split.items.push(Item { image: entry.image.clone(), size, labels });
            }
        }
    }
    split
}

/// Checks one picture and its labels.
fn one(entry: &Entry, names: &[String]) -> Checked {
    let mut checked = Checked::default();
    let size = match picture(&entry.image, &mut checked.messages) {
        Ok(size) => size,
        Err(fault) => {
            checked.messages.push(fault);
            return checked;
        }
    };
    let labels = match &entry.labels {
        Source::Txt(file) if file.is_file() => Some(yolo::rows(file)),
        Source::Xml(file) if file.is_file() => Some(voc::rows(file, size, names, &mut checked.messages)),
        Source::Json { labels: Some(labels), .. } => {
            checked.found = Some(true);
            match labels {
                Ok(labels) => checked.item = Some((size, labels.clone())),
                Err(why) => checked.messages.push((TroubleKind::BrokenLabels, why.clone())),
            }
            return checked;
        }
        _ => None,
    };
    checked.found = Some(labels.is_some());
    let verified =
        labels.unwrap_or(Ok(vec![])).and_then(|rows| verify(rows, names.len(), &mut checked.messages));
    match verified {
        Ok(labels) => checked.item = Some((size, labels)),
        Err(fault) => checked.messages.push(fault),
    }
    checked
}

/// Height and width of a picture that seems whole.
fn picture(path: &Path, messages: &mut Vec<Fault>) -> Result<(usize, usize), Fault> {
    let broken = |cause: &dyn fmt::Display| (TroubleKind::BrokenPicture, cause.to_string());
    let bytes = fs::read(path).map_err(|cause| broken(&format_args!("cannot be read: {cause}")))?;
    let (height, width) = Picture::size(&bytes, path).map_err(|cause| broken(&cause))?;
    if height.min(width) < LEAST_SIDE {
        return Err((TroubleKind::SmallPicture, format!("{width}x{height} pixels, under {LEAST_SIDE}")));
    }
    if bytes.starts_with(&[0xff, 0xd8]) && !bytes.ends_with(&[0xff, 0xd9]) {
        messages.push((TroubleKind::CutPicture, "the JPEG ends without its end mark".into()));
    }
    Ok((height, width))
}

/// Rows that are sound, as labels, duplicates left out.
pub fn verify(rows: Vec<Row>, classes: usize, messages: &mut Vec<Fault>) -> Result<Vec<Label>, Fault> {
    let mut labels: Vec<Label> = Vec::with_capacity(rows.len());
    let (mut duplicates, mut degenerate) = (0, 0);
    let mut seen = std::collections::HashSet::new();
    for Row { class, rect, segment } in rows {
        let numbers = [class].into_iter().chain(rect);
        if let Some(number) = numbers.clone().find(|number| !number.is_finite()) {
            return Err((TroubleKind::OutOfRange, format!("a label holds {number}")));
        }
        if let Some(number) = numbers.clone().find(|&number| number < 0.0) {
            return Err((TroubleKind::Negative, format!("a label holds the negative number {number}")));
        }
        if let Some(share) = rect.into_iter().find(|&share| share > 1.0) {
            let text = format!("a coordinate is {share}: not a share of the picture, or outside of it");
            return Err((TroubleKind::OutOfRange, text));
        }
        if class.fract() != 0.0 || class >= classes as f32 {
            let text =
                format!("class {class}, but the dataset's classes are 0 to {}", classes.saturating_sub(1));
            return Err((TroubleKind::UnknownClass, text));
        }
        // Minus nought is nought.
        if !seen.insert([class, rect[0], rect[1], rect[2], rect[3]].map(|number| (number + 0.0).to_bits())) {
            duplicates += 1;
            continue;
        }
        degenerate += usize::from(rect[2] == 0.0 || rect[3] == 0.0);
        labels.push(Label { class: class as usize, rect: rect.map(f64::from), segment });
    }
    if duplicates > 0 {
        messages.push((TroubleKind::Duplicate, format!("{duplicates} duplicate labels left out")));
    }
    if degenerate > 0 {
        messages.push((TroubleKind::Degenerate, format!("{degenerate} boxes without width or height")));
    }
    Ok(labels)
}
