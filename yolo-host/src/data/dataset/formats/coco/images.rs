//! Where the images of a COCO file are: names with folders, backslashes or addresses, in any of the usual places.

use std::path::{Path, PathBuf};

use crate::data::dataset::description::Dataset;

/// The places where the images of a file may be, the usual ones first.
pub struct Places {
    places: Vec<PathBuf>,
}

impl Places {
    /// Of the JSON file of a dataset.
    pub fn new(dataset: &Dataset, file: &Path) -> Self {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let beside = file.parent().unwrap_or(Path::new(""));
        let above = beside.parent().unwrap_or(beside);
        let mut parts = vec![stem.rsplit('_').next().unwrap_or_default().to_owned(), stem.clone()];
        let known = ["train", "valid", "val", "test"];
        parts.extend(known.iter().filter(|part| stem.contains(*part)).map(ToString::to_string));
        let mut places = Vec::new();
        for root in dataset.bases.iter().map(PathBuf::as_path).chain([above, beside]) {
            let of_part = |part: &String| [root.join("images").join(part), root.join(part)];
            places.extend(parts.iter().flat_map(of_part));
            places.extend(["images", "JPEGImages", "data", ""].map(|name| root.join(name)));
        }
        Self { places }
    }

    /// The file of a name, looked for first where the last was found; where there is none, the place that it should have.
    pub fn find(&mut self, name: &str) -> PathBuf {
        let candidates = candidates(name);
        for candidate in &candidates {
            let found = self.places.iter().position(|place| place.join(candidate).is_file());
            if let Some(at) = found {
                self.places[..=at].rotate_right(1);
                return self.places[0].join(candidate);
            }
        }
        let first = candidates.first().map(PathBuf::as_path).unwrap_or(Path::new(""));
        self.places[0].join(first)
    }
}

/// A name as it is, then with fewer and fewer of its folders, each in the cases that a suffix has.
fn candidates(name: &str) -> Vec<PathBuf> {
    let plain = match name.split_once("://") {
        // An address: host and query are no folders.
        Some((_, rest)) => {
            let path = rest.split_once('/').map_or(rest, |(_, path)| path);
            path.split(['?', '#']).next().unwrap_or_default().to_owned()
        }
        None => name.replace('\\', "/"),
    };
    let parts: Vec<&str> = plain.split('/').filter(|part| ![".", "", ".."].contains(part)).collect();
    let mut shorter: Vec<PathBuf> = (0..parts.len()).map(|from| parts[from..].iter().collect()).collect();
    if plain.starts_with('/') {
        shorter.insert(0, PathBuf::from(&plain));
    } else if !name.contains("://") && shorter.first().is_none_or(|first| first.as_os_str() != name) {
        shorter.insert(0, PathBuf::from(name));
    }
    let cases = |path: PathBuf| {
        let suffix = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        let cased =
            [suffix.to_lowercase(), suffix.to_uppercase()].into_iter().filter(|cased| *cased != suffix);
        let others: Vec<PathBuf> = cased.map(|suffix| path.with_extension(suffix)).collect();
        std::iter::once(path).chain(others).collect::<Vec<_>>()
    };
    shorter.into_iter().flat_map(cases).collect()
}
