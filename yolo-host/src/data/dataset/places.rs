//! Where a place that a dataset names is found: as it is written, or where it must have been meant, with a note.

use std::path::{Path, PathBuf};

use super::description::Dataset;
use super::files::{self, tally};
use super::item::SplitName;
use crate::data::Error;
use crate::image::sources::{is_image, matched};

/// What tools call the part to validate on.
const VALIDATION: [&str; 3] = ["val", "valid", "validation"];

/// A place where something may be, and what is to be said if it is.
struct Candidate {
    path: PathBuf,
    note: Option<String>,
}

/// The file or folder that is meant by a place.
pub fn find(dataset: &Dataset, place: &str, notes: &mut Vec<String>) -> Result<PathBuf, Error> {
    let candidates = candidates(dataset, place);
    let first = candidates.first().map(|candidate| candidate.path.clone());
    match candidates.into_iter().find(|candidate| candidate.path.exists()) {
        Some(Candidate { path, note }) => {
            notes.extend(note);
            Ok(path)
        }
        None => {
            let missing = first.unwrap_or_else(|| place.into());
            Err(Error::Missing { path: dataset.file.clone(), place: missing, hint: hint(dataset, place) })
        }
    }
}

/// The images that a glob matches.
pub fn glob(dataset: &Dataset, pattern: &str, notes: &mut Vec<String>) -> Result<Vec<PathBuf>, Error> {
    for Candidate { path, note } in candidates(dataset, pattern) {
        let mut files = matched(&path.to_string_lossy())?;
        files.retain(|file| is_image(file));
        if !files.is_empty() {
            notes.extend(note);
            return Ok(files);
        }
    }
    Ok(vec![])
}

/// The place to validate on where none is named: that of training with another name.
pub fn unnamed(dataset: &Dataset, notes: &mut Vec<String>) -> Option<Vec<String>> {
    let other = |place: &String| {
        let at = place.rfind("train")?;
        let named = |name: &str| format!("{}{name}{}", &place[..at], &place[at + "train".len()..]);
        let there = |place: &String| {
            let mut notes = Vec::new();
            find(dataset, place, &mut notes).is_ok() && notes.is_empty()
        };
        VALIDATION.iter().map(|name| named(name)).find(there)
    };
    let found: Vec<String> = dataset.places[SplitName::Train as usize].iter().filter_map(other).collect();
    if found.is_empty() {
        return None;
    }
    notes.push(format!("'{}' has no line `val`: {} is taken", dataset.file.display(), found.join(", ")));
    Some(found)
}

/// The folder that the dataset's own file lies in.
fn beside(dataset: &Dataset) -> &Path {
    if dataset.file.is_dir() { &dataset.file } else { dataset.file.parent().unwrap_or(Path::new("")) }
}

fn candidates(dataset: &Dataset, place: &str) -> Vec<Candidate> {
    let file = dataset.file.display();
    let as_written = |place: &str| {
        let bases = dataset.bases.iter();
        bases.map(|base| Candidate { path: base.join(home(place)), note: None }).collect::<Vec<_>>()
    };
    let mut all = as_written(place);
    let place = &place.replace('\\', "/");
    all.extend(as_written(place));
    let inner = place.trim_start_matches("../");
    if inner != place {
        let path = beside(dataset).join(inner);
        let note =
            format!("'{file}': '{place}' leads nowhere; '{}' is taken, write `{inner}`", path.display());
        all.push(Candidate { path, note: Some(note) });
    }
    if dataset.bases.iter().all(|base| !base.is_dir()) {
        let path = beside(dataset).join(place);
        let note = format!("'{file}': its `path` does not exist; '{}' is taken", path.display());
        all.push(Candidate { path, note: Some(note) });
    }
    let parts: Vec<&str> = place.split('/').collect();
    if let Some(at) = parts.iter().rposition(|part| VALIDATION.contains(part)) {
        for name in VALIDATION.iter().filter(|name| **name != parts[at]) {
            let mut renamed = parts.clone();
            renamed[at] = name;
            let renamed = renamed.join("/");
            let bases = dataset.bases.iter().map(|base| base.join(&renamed));
            for path in bases.chain([beside(dataset).join(renamed.trim_start_matches("../"))]) {
                let note = format!("'{file}': '{place}' leads nowhere; '{}' is taken", path.display());
                all.push(Candidate { path, note: Some(note) });
            }
        }
    }
    all
}

/// A path with the user's folder in place of `~/`.
fn home(place: &str) -> PathBuf {
    match (place.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => place.into(),
    }
}

/// What else may help where nothing is found.
fn hint(dataset: &Dataset, place: &str) -> String {
    let folder = beside(dataset);
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut names: Vec<String> = files::listed(folder)
        .unwrap_or_default()
        .iter()
        .map(|path| {
            format!(
                "{}{}",
                path.file_name().unwrap_or_default().display(),
                if path.is_dir() { "/" } else { "" }
            )
        })
        .collect();
    names.sort_by_key(|name| (!name.ends_with('/'), name.clone()));
    names.truncate(8);
    let up = if place.starts_with("../") {
        "; `../` leads out of the folder of the file: try without it"
    } else {
        ""
    };
    format!("{up}; there are, in '{}': {}", folder.display(), names.join(", "))
}

/// The images that a text file lists. `./` means the list's own folder; other relative paths are looked for
/// from the current folder, as upstream takes them, then from the dataset's and from the list's.
pub fn lines(dataset: &Dataset, list: &Path, notes: &mut Vec<String>) -> Result<Vec<PathBuf>, Error> {
    let beside = list.parent().unwrap_or(Path::new(""));
    let text = files::text(list)?;
    let lines = text.lines().map(|line| line.trim().trim_matches(['"', '\'']).trim());
    let lines = lines.filter(|line| !line.is_empty());
    let found = lines.map(|line| {
        let plain = resolve(dataset, beside, line);
        let slashed =
            || Some(resolve(dataset, beside, &line.replace('\\', "/"))).filter(|path| path.exists());
        if line.contains('\\') && !plain.exists() { slashed().unwrap_or(plain) } else { plain }
    });
    let (images, others): (Vec<PathBuf>, Vec<PathBuf>) = found.partition(|file| is_image(file));
    notes.extend(
        tally(&others)
            .map(|what| format!("'{}' names files that are not read as images: {what}", list.display())),
    );
    Ok(images)
}

fn resolve(dataset: &Dataset, beside: &Path, line: &str) -> PathBuf {
    if let Some(rest) = line.strip_prefix("./").or_else(|| line.strip_prefix(".\\")) {
        return beside.join(rest);
    }
    let plain = home(line);
    if plain.is_absolute() || plain.exists() {
        return plain;
    }
    let mut bases = dataset.bases.iter().map(|base| base.join(line)).chain([beside.join(line)]);
    bases.find(|path| path.exists()).unwrap_or(plain)
}
