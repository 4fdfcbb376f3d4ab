//! ONNX files: weights by the names of their modules, where the file still has them, else by what reads what.

mod acts;
mod file;
mod layers;
mod names;
mod tensor;
mod units;
mod wire;

#[cfg(test)]
mod tests;

use super::budget::Budget;
use super::error::of_pnnx;
use super::{Array, Checkpoint, Data, ErrorKind, Meta};
use std::collections::BTreeMap;

/// Reads a file.
///
/// # Errors
/// What is damaged, or cannot be read: integers in the place of weights, tensors in other files.
pub fn read(bytes: &[u8]) -> Result<Checkpoint, ErrorKind> {
    let file = file::File::parse(bytes)?;
    let (mut units, names) = units::units(&file, bytes.len())?;
    if units.is_empty() {
        return Err(match file.nodes.iter().any(|node| node.op.starts_with("pnnx.")) {
            true => of_pnnx(),
            false => ErrorKind::Onnx("none of its layers has weights".to_owned()),
        });
    }
    let mut notes = vec![];
    for (unit, name) in units.iter_mut().zip(modules(&names)) {
        unit.module = name;
    }
    let meta = about(&file, &mut notes);
    Ok(Checkpoint { arrays: others(&file, bytes.len())?, meta, notes, units, ..Checkpoint::default() })
}

/// Modules by their names in a model, for units whose tensors are named as in a `state_dict`, each once.
fn modules(names: &[Option<String>]) -> Vec<Option<String>> {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, name) in names.iter().enumerate() {
        if let Some(name) = name {
            places.entry(name.clone()).or_default().push(place);
        }
    }
    let single = places.into_iter().filter_map(|(name, places)| match places.as_slice() {
        [place] => Some((name, *place)),
        _ => None,
    });
    let mut modules = vec![None; names.len()];
    let Ok((known, _)) = super::names::unwrap(single.collect()) else { return modules };
    for (name, place) in known {
        if is_of_model(&name) {
            modules[place] = Some(name);
        }
    }
    modules
}

/// `model.0.conv`, and not what exporters call a constant in it.
fn is_of_model(name: &str) -> bool {
    let layer = name.strip_prefix("model.").and_then(|rest| rest.split('.').next());
    let numbered = layer.is_some_and(|layer| !layer.is_empty() && layer.bytes().all(|c| c.is_ascii_digit()));
    numbered && !name.contains('/')
}

/// Parameters that are no layer's weight, such as a projection that is cut into parts.
fn others(file: &file::File, len: usize) -> Result<BTreeMap<String, Array>, ErrorKind> {
    let floats = file.constants.iter().filter(|tensor| tensor.is_float());
    let named: BTreeMap<String, usize> =
        floats.enumerate().map(|(place, tensor)| (tensor.name.to_owned(), place)).collect();
    let Ok((known, _)) = super::names::unwrap(named) else { return Ok(BTreeMap::new()) };
    let floats: Vec<&tensor::Tensor> = file.constants.iter().filter(|tensor| tensor.is_float()).collect();
    let mut budget = Budget::for_file(len);
    let mut arrays = BTreeMap::new();
    for (name, place) in known {
        let layers = [".weight", ".bias", ".running_mean", ".running_var"];
        if is_of_model(&name) && !layers.iter().any(|end| name.ends_with(end)) {
            let tensor = floats[place];
            let data = Data::F32(tensor.floats(&mut budget)?);
            arrays.insert(name, Array { shape: tensor.shape.clone(), data });
        }
    }
    Ok(arrays)
}

/// What the file says of itself: class names as Python writes them, and the keys of our own files.
fn about(file: &file::File, notes: &mut Vec<String>) -> Meta {
    let mut map = file.metadata.clone();
    let written = map.remove("names");
    let names = written.as_deref().and_then(names::class_names);
    if written.is_some() && names.is_none() {
        notes.push("its class names are not written as a list or dict, and are left out".to_owned());
    }
    // Follows from the network.
    map.remove("stride");
    // Other programs have keys of the same name with other contents.
    if map.get("imgsz").is_some_and(|text| text.parse::<usize>().is_err()) {
        map.remove("imgsz");
    }
    if map.get("plugins").is_some_and(|text| serde_json::from_str::<Vec<super::Plugin>>(text).is_err()) {
        map.remove("plugins");
    }
    let meta = Meta::from_map(map).unwrap_or_default();
    Meta { names, ..meta }
}
