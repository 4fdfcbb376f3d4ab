//! What a data.yaml says about a dataset: upstream's `check_dataset`.

use std::path::{Path, PathBuf};

use serde_yaml::Value;

use super::description::Dataset;
use super::item::SplitName;
use super::{keys, names as class_names};
use crate::data::Error;
use crate::text;

/// More classes than any dataset has; a slip of the pen in `nc` must not fill the memory.
const MAX_CLASSES: u64 = 1 << 16;

/// Reads a data.yaml.
pub fn read(path: &Path) -> Result<Dataset, Error> {
    let wrong = |why: String| Error::Description { path: path.to_path_buf(), why };
    let bytes = text::bytes(path)?;
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(wrong("a ZIP archive: unpack it, and give the data.yaml or the folder in it".into()));
    }
    let text = text::decode(&bytes, None).map_err(|fault| fault.in_file(path))?;
    let value: Value = serde_yaml::from_str(&text).map_err(|cause| wrong(format!("not YAML: {cause}")))?;
    let Value::Mapping(mut map) = value else {
        return Err(wrong("not a dataset: expected `train`, `val` and `names`".into()));
    };
    let mut notes = keys::check(&mut map);
    let value = Value::Mapping(map);
    let mut places = [const { Vec::new() }; 3];
    for (places, split) in places.iter_mut().zip(SplitName::ALL) {
        *places = strings(&value[split.name()])
            .ok_or_else(|| wrong(format!("`{split}` must be a path or a list of paths")))?;
    }
    if places.iter().all(Vec::is_empty) {
        let map = value.as_mapping();
        let other = ["train", "val"].iter().find_map(|key| keys::instead_of(map?, key));
        let hint = other.map(|key| format!(" (the key `{key}` is not known)")).unwrap_or_default();
        return Err(wrong(format!("no images are named: expected `train` and `val`{hint}")));
    }
    let root = match &value["path"] {
        Value::Null => "",
        Value::String(root) => root,
        _ => return Err(wrong("`path` must be a folder".into())),
    };
    let beside = path.parent().unwrap_or(Path::new(""));
    let names = names(&value, beside).map_err(wrong)?;
    notes.extend(repeated(&names));
    let bases = vec![beside.join(root), PathBuf::from(root)];
    let notes = notes.into_iter().map(|note| format!("'{}': {note}", path.display())).collect();
    Ok(Dataset { names, file: path.to_path_buf(), bases, places, divided: false, notes })
}

/// Names that stand for several classes.
fn repeated(names: &[String]) -> Option<String> {
    let first = |name: &String| names.iter().position(|other| other == name);
    let (again, name) = names.iter().enumerate().find(|(class, name)| first(name) != Some(*class))?;
    Some(format!("the name '{name}' stands for the classes {} and {again}", first(name)?))
}

/// A string or a list of strings; nothing for anything else.
fn strings(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Null => Some(vec![]),
        Value::String(place) => Some(vec![place.clone()]),
        Value::Sequence(list) => list.iter().map(|place| place.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// `names`, held against `nc`. A text is the name of a file of them, which lies beside the YAML.
fn names(value: &Value, beside: &Path) -> Result<Vec<String>, String> {
    let text = |name: &Value| match name {
        Value::String(name) => Some(name.clone()),
        Value::Number(name) => Some(name.to_string()),
        // YAML's own idea of a class named `no` or `on`.
        Value::Bool(name) => Some(name.to_string()),
        _ => None,
    };
    let nc = match &value["nc"] {
        Value::Null => None,
        nc => Some(
            nc.as_u64()
                .filter(|nc| (1..=MAX_CLASSES).contains(nc))
                .ok_or("`nc` must be a number of classes")?,
        ),
    };
    let names: Option<Vec<String>> = match &value["names"] {
        Value::Null => {
            let other = value.as_mapping().and_then(|map| keys::instead_of(map, "names"));
            let hint = other.map(|key| format!(" (the key `{key}` is not known)")).unwrap_or_default();
            let nc = nc.ok_or_else(|| format!("`names` is missing: expected a list of class names{hint}"))?;
            return Ok((0..nc).map(|class| format!("class{class}")).collect());
        }
        Value::Sequence(list) => list.iter().map(text).collect(),
        Value::Mapping(map) => {
            let of = |class: usize| map.get(Value::from(class)).or_else(|| map.get(class.to_string()));
            let at = |class| of(class).and_then(text);
            (0..map.len()).map(at).collect()
        }
        Value::String(file) => Some(class_names::names(&beside.join(file)).map_err(|cause| {
            format!("`names` must be a list of names, or a map from 0, 1, 2, … to names, or a file: {cause}")
        })?),
        _ => None,
    };
    let names = names.ok_or("`names` must be a list of names, or a map from 0, 1, 2, … to names")?;
    match nc {
        _ if names.is_empty() => Err("`names` is empty".into()),
        Some(nc) if nc != names.len() as u64 => {
            Err(format!("`nc` is {nc}, but `names` has {} names", names.len()))
        }
        _ => Ok(names),
    }
}
