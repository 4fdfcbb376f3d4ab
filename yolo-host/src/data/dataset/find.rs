//! From the places that a dataset names to its images, each with where its labels are.

use std::path::PathBuf;

use super::description::Dataset;
use super::divide::divided;
use super::entry::{Entry, unique};
use super::files::{below, others};
use super::formats::{FORMATS, Found, labelled};
use super::item::SplitName;
use super::places;
use crate::data::Error;
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
    // A folder with lists serves both by them.
    let has_lists = |place: &String| {
        let mut folders = dataset.bases.iter().map(|base| base.join(place));
        folders.any(|folder| FORMATS.iter().any(|format| format.has_lists(&folder)))
    };
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

/// The images of one place.
fn at(dataset: &Dataset, which: SplitName, place: &str, notes: &mut Vec<String>) -> Result<Found, Error> {
    let path = match places::find(dataset, place, notes) {
        Err(_) if place.contains(['*', '?', '[']) => {
            return Ok((labelled(places::glob(dataset, place, notes)?, notes).0, false));
        }
        found => found?,
    };
    // Without the `.` and the `/` at the end that a place may have, for messages.
    let path: PathBuf = path.components().collect();
    // The last first, as labels are asked for.
    let mut formats = FORMATS.iter().rev();
    if let Some(found) = formats.find_map(|format| format.place(dataset, which, (place, &path), notes)) {
        return found;
    }
    if !path.is_dir() {
        return Ok((labelled(places::lines(dataset, &path, notes)?, notes).0, false));
    }
    let (images, rest) = below(&path, |_| true)?.into_iter().partition(|file| is_image(file));
    let (entries, format) = labelled(images, notes);
    notes.extend(others(&path, rest));
    notes.extend(format.orphans(&entries));
    Ok((entries, false))
}
