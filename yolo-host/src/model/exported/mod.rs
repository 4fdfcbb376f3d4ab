//! Weights of a file that was exported for another runtime, back in their places: units of the file are paired with those of the
//! graph, by the names of their modules where all have one, else by sizes and connections.

mod act;
mod fill;
mod own;
mod pair;

pub use act::differences;
pub use pair::Unlike;

use super::{Anchors, Model, State};
use crate::weights::{Array, Checkpoint, Data, Unit};
use own::Own;
use std::collections::{BTreeMap, HashMap};

/// Gives `checkpoint` the tensors of `model` from its units; what there is to say about that, if it has any.
///
/// # Errors
/// [`Unlike`] where the file's network is another.
pub fn restore(checkpoint: &mut Checkpoint, model: &Model) -> Result<Option<String>, Unlike> {
    if checkpoint.units.is_empty() {
        return Ok(None);
    }
    let units = std::mem::take(&mut checkpoint.units);
    let own = own::units(&model.graph, &model.detect.outputs)?;
    let mut arrays = parameters(model, std::mem::take(&mut checkpoint.arrays));
    let anchors = anchors(checkpoint, model, &mut arrays);
    let named = units.iter().all(|unit| unit.module.is_some());
    let how = if named { "names" } else { "sizes and connections" };
    let count = units.len();
    let pairs = if named { by_name(&own, units, &mut arrays) } else { by_place(&own, units)? };
    let mut folded = 0;
    for (own, unit) in pairs {
        folded += usize::from(own.norm.is_some() && unit.norm.is_none());
        fill::fill(&model.graph, own, unit, &mut arrays);
    }
    checkpoint.arrays = arrays;
    let norms = match folded {
        0 => String::new(),
        _ => format!(
            "; {folded} batch norms, which the export had folded, are restored as identity with the convolution's bias: \
             it detects as before, and a training learns their scales again"
        ),
    };
    Ok(Some(format!(
        "an exported network: its {count} layers with weights were found by their {how}{norms}; {anchors}"
    )))
}

/// Of what the file names besides, what is a parameter of the model.
fn parameters(model: &Model, mut arrays: BTreeMap<String, Array>) -> BTreeMap<String, Array> {
    let names = model.graph.params.iter().map(|param| &param.name);
    names.filter_map(|name| arrays.remove_entry(name)).collect()
}

/// Adds the anchors, which an exported network has only within its arithmetic; what is to be said about that.
fn anchors(checkpoint: &mut Checkpoint, model: &Model, arrays: &mut BTreeMap<String, Array>) -> &'static str {
    let id = model.detect.anchors;
    let param = &model.graph.params[id.0];
    if arrays.contains_key(&param.name) {
        return "its anchors are in the file";
    }
    let given = checkpoint.meta.extra.remove("anchors");
    let told = given.as_ref().and_then(|text| in_cells(text, model));
    let (from_file, odd) = (told.is_some(), given.is_some() && told.is_none());
    let own = || State::new(&model.graph, 0).floats(id).to_vec();
    let data = Data::F32(told.unwrap_or_else(own));
    arrays.insert(param.name.clone(), Array { shape: param.shape.clone(), data });
    match (from_file, &model.spec.anchors) {
        (true, _) => "its anchors are in the file",
        (false, Anchors::Pixels(_)) if odd => {
            "the anchors in the file are not sizes for each output of the model, those of the model file are taken"
        }
        (false, Anchors::Pixels(_)) => "the file has no anchors, those of the model file are taken",
        (false, Anchors::Count(_)) => {
            "neither the file nor the model file has sizes of anchors: boxes will be wrong until `anchors` of the model file \
             has those of the training"
        }
    }
}

/// The anchors of a file's metadata, a JSON list of widths and heights in pixels for each output as in a model file, in cells.
fn in_cells(text: &str, model: &Model) -> Option<Vec<f32>> {
    let lists: Vec<Vec<f32>> = serde_json::from_str(text).ok()?;
    let detect = &model.detect;
    let fits = lists.len() == detect.strides.len() && lists.iter().all(|list| list.len() == 2 * detect.na);
    let cells = lists
        .iter()
        .zip(&detect.strides)
        .flat_map(|(list, stride)| list.iter().map(move |side| side / stride));
    let cells: Vec<f32> = cells.collect();
    (fits && cells.iter().all(|side| side.is_finite() && *side > 0.0)).then_some(cells)
}

/// Each unit of the model with the file's of the same name. Others of the file become tensors that no model has, so that the
/// usual comparison tells what does not fit.
fn by_name<'a>(
    own: &'a [Own],
    units: Vec<Unit>,
    arrays: &mut BTreeMap<String, Array>,
) -> Vec<(&'a Own, Unit)> {
    let places: HashMap<&str, &Own> =
        own.iter().filter_map(|own| Some((own.module.as_deref()?, own))).collect();
    let mut pairs = vec![];
    for unit in units {
        let module = unit.module.clone().unwrap_or_default();
        match places.get(module.as_str()) {
            Some(own) => pairs.push((*own, unit)),
            None => {
                let array = Array { shape: vec![unit.weight.len()], data: Data::F32(unit.weight) };
                arrays.insert(format!("{module}.weight"), array);
            }
        }
    }
    pairs
}

/// Each unit of the model with the file's in the same place of the network.
fn by_place(own: &[Own], units: Vec<Unit>) -> Result<Vec<(&Own, Unit)>, Unlike> {
    let places = pair::pair(own, &units)?;
    let mut units: Vec<Option<Unit>> = units.into_iter().map(Some).collect();
    Ok(own.iter().zip(places).filter_map(|(own, place)| Some((own, units[place].take()?))).collect())
}
