//! The keys of a data.yaml: which are known, which of other programs have no effect here, and what to say of the rest.

use serde_yaml::{Mapping, Value};

use crate::near::near;

/// Those that say something about a dataset.
pub const KNOWN: [&str; 6] = ["path", "train", "val", "test", "nc", "names"];

/// Where the data is from, or what other programs do with it: nothing depends on them.
const NO_EFFECT: [&str; 22] = [
    "download",
    "roboflow",
    "license",
    "licence",
    "author",
    "authors",
    "contributor",
    "copyright",
    "date",
    "created",
    "version",
    "description",
    "info",
    "url",
    "homepage",
    "task",
    "minival",
    "train_count",
    "val_count",
    "test_count",
    "yaml_file",
    "dataset_name",
];

/// What other tools call a key, in lower case, and its name here.
const OTHER_NAMES: [(&str, &str); 10] = [
    ("valid", "val"),
    ("validation", "val"),
    ("training", "train"),
    ("testing", "test"),
    ("name", "names"),
    ("classes", "names"),
    ("class_names", "names"),
    ("labels", "names"),
    ("num_classes", "nc"),
    ("root", "path"),
];

/// The key that was meant by one that is not known.
fn meant(key: &str) -> Option<&'static str> {
    let lower = key.to_lowercase();
    let known = || KNOWN.into_iter().find(|known| *known == lower);
    let other = || OTHER_NAMES.into_iter().find(|(name, _)| *name == lower).map(|(_, meant)| meant);
    known().or_else(other).or_else(|| near(&lower, KNOWN).first().copied())
}

/// What is to be said of keys without effect; `val` is taken from `valid` or `validation` where it is not there.
pub fn check(map: &mut Mapping) -> Vec<String> {
    let mut notes = Vec::new();
    if !map.contains_key("val") {
        let other = ["valid", "validation"].into_iter().find(|key| map.contains_key(*key));
        if let Some(value) = other.and_then(|key| map.remove(key)) {
            notes.push(format!("the key `{}` is taken as `val`", other.unwrap_or_default()));
            map.insert("val".into(), value);
        }
    }
    for key in map.keys() {
        let key = match key {
            Value::String(key) => key.clone(),
            other => serde_yaml::to_string(other).unwrap_or_default().trim().to_owned(),
        };
        if KNOWN.contains(&key.as_str()) || NO_EFFECT.contains(&key.as_str()) {
            continue;
        }
        notes.push(match (key.as_str(), meant(&key)) {
            ("kpt_shape" | "kpt_names" | "flip_idx" | "skeleton", _) => {
                format!("the key `{key}` has no effect: key points are not learned, only boxes")
            }
            (_, Some(meant)) => {
                format!("the key `{key}` is not known and has no effect; is `{meant}` meant?")
            }
            (_, None) => format!("the key `{key}` is not known and has no effect"),
        });
    }
    notes
}

/// The key that may have been meant where `missing` is not there.
pub fn instead_of<'a>(map: &'a Mapping, missing: &str) -> Option<&'a str> {
    let mut keys = map.keys().filter_map(Value::as_str);
    keys.find(|key| !KNOWN.contains(key) && meant(key) == Some(missing))
}
