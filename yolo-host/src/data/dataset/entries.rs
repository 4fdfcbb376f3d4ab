//! From the places that a dataset names to its images, each with where its labels are.

use std::path::PathBuf;

use super::divide::divided;
use super::entry::{Entry, Source, there};
use super::listing::below;
use super::voc::{self, Root};
use super::{Dataset, Error, SplitName, coco, leftover, places};
use crate::image::sources::is_image;

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
