//! Every image and its labels checked: upstream's `verify_image_label`.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::cache::{Cache, Checked};
use super::description::Dataset;
use super::entry::Entry;
use super::frame::{Head, Row};
use super::item::{Item, Label, Split, SplitName, SplitOptions};
use super::trouble::{Costs, Fault, Together, Trouble, TroubleKind, summed};
use crate::image::Image;
use crate::text::counted;

/// The shortest side of an image in pixels that is of use.
const LEAST_SIDE: usize = 10;

/// Checks all images of a part.
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
    let mut emptied = 0;
    let mut together = Together::default();
    for (entry, Checked { item, found, messages }) in entries.iter().zip(checked) {
        let report = &mut split.report;
        report.found += usize::from(found == Some(true));
        report.missing += usize::from(found == Some(false));
        let costly = messages.iter().any(|(kind, ..)| kind.costs() == Costs::Object);
        let trouble = |(kind, text, count)| Trouble { image: entry.image.clone(), kind, text, count };
        for trouble in messages.into_iter().map(trouble) {
            together.tell(&mut report.messages, trouble);
        }
        match item {
            None => report.corrupt += 1,
            Some((size, labels)) => {
                report.empty += usize::from(found == Some(true) && labels.is_empty());
                emptied += usize::from(costly && labels.is_empty());
                split.items.push(Item { image: entry.image.clone(), size, labels });
            }
        }
    }
    together.end(&mut split.report.messages);
    if emptied > 0 {
        let images = counted(emptied, "image");
        split
            .report
            .notes
            .push(format!("all objects of {images} are left out: to the model this is background"));
    }
    split
}

/// Checks one image and its labels.
fn one(entry: &Entry, names: &[String]) -> Checked {
    let (mut found, mut faults) = (None, Vec::new());
    let item = labelled(entry, names, &mut found, &mut faults);
    let item = item.map_err(|fault| faults.push(fault)).ok();
    Checked { item, found, messages: summed(faults) }
}

/// The size of an image and its labels; `found` becomes whether there is a file of them.
fn labelled(
    entry: &Entry,
    names: &[String],
    found: &mut Option<bool>,
    faults: &mut Vec<Fault>,
) -> Result<((usize, usize), Vec<Label>), Fault> {
    let head = image(&entry.image, faults)?;
    let rows = entry.labels.rows(head, names, faults);
    *found = Some(rows.is_some());
    let rows = rows.unwrap_or(Ok(vec![]))?;
    Ok((head.size, verify(rows, names.len(), faults)))
}

/// What the head of an image that seems whole says.
fn image(path: &Path, messages: &mut Vec<Fault>) -> Result<Head, Fault> {
    let broken = |cause: &dyn fmt::Display| (TroubleKind::BrokenImage, cause.to_string());
    let bytes = fs::read(path).map_err(|cause| broken(&format_args!("cannot be read: {cause}")))?;
    let (size, orientation) = Image::head(&bytes, path).map_err(|cause| broken(&cause))?;
    let (height, width) = size;
    if height.min(width) < LEAST_SIDE {
        return Err((TroubleKind::SmallImage, format!("{width}x{height} pixels, under {LEAST_SIDE}")));
    }
    if bytes.starts_with(&[0xff, 0xd8]) && !bytes.ends_with(&[0xff, 0xd9]) {
        messages.push((TroubleKind::CutImage, "the JPEG ends without its end mark".into()));
    }
    Ok(Head { size, orientation })
}

/// So little out of the image is rounding.
const ROUNDING: f32 = 1e-3;

/// Rows that are sound, as labels; the others and duplicates become faults.
pub fn verify(rows: Vec<Row>, classes: usize, faults: &mut Vec<Fault>) -> Vec<Label> {
    let mut labels: Vec<Label> = Vec::with_capacity(rows.len());
    let mut seen = HashMap::new();
    for (index, mut row) in rows.into_iter().enumerate() {
        let line = row.line;
        let mut tell = |kind, text: String| match line {
            Some(line) => faults.push((kind, format!("line {line}: {text}"))),
            None => faults.push((kind, text)),
        };
        for share in &mut row.rect {
            let within = share.clamp(0.0, 1.0);
            if *share != within && (*share - within).abs() <= ROUNDING {
                tell(TroubleKind::Mended, format!("the coordinate {share} is taken as {within}"));
                *share = within;
            }
        }
        if let Some((kind, text)) = wrong(&row, classes) {
            tell(kind, text);
            continue;
        }
        let Row { class, rect, segment, .. } = row;
        // Minus nought is nought.
        let key = [class, rect[0], rect[1], rect[2], rect[3]].map(|number| (number + 0.0).to_bits());
        if let Some(first) = seen.insert(key, line.unwrap_or(index + 1)) {
            seen.insert(key, first);
            let of = if line.is_some() { format!("line {first}") } else { format!("object {first}") };
            tell(TroubleKind::Duplicate, format!("the same as {of}"));
            continue;
        }
        if rect[2] == 0.0 || rect[3] == 0.0 {
            tell(TroubleKind::Degenerate, "a box without width or height".into());
        }
        labels.push(Label { class: class as usize, rect: rect.map(f64::from), segment });
    }
    labels
}

/// Why a row cannot be used, if it cannot.
fn wrong(row: &Row, classes: usize) -> Option<Fault> {
    let Row { class, rect, .. } = row;
    let mut numbers = [*class].into_iter().chain(*rect);
    if let Some(number) = numbers.clone().find(|number| !number.is_finite()) {
        return Some((TroubleKind::OutOfRange, format!("a label holds {number}")));
    }
    if let Some(number) = numbers.find(|&number| number < 0.0) {
        return Some((TroubleKind::Negative, format!("a label holds the negative number {number}")));
    }
    if let Some(share) = rect.iter().find(|&&share| share > 1.0) {
        let text = format!("a coordinate is {share}: not a share of the image, or outside of it");
        return Some((TroubleKind::OutOfRange, text));
    }
    if class.fract() != 0.0 || *class >= classes as f32 {
        let text = format!("class {class}, but the dataset's classes are 0 to {}", classes.saturating_sub(1));
        return Some((TroubleKind::UnknownClass, text));
    }
    None
}
