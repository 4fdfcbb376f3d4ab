//! Why weights do not fit a model, as far as names and shapes tell.

use super::Mismatch;
use crate::graph::{Graph, Role};

/// Ratios of widths this near to each other are one: widths are rounded to multiples of eight.
const SAME: f64 = 0.2;

/// The likely cause in a sentence or two.
pub fn cause(graph: &Graph, mismatch: &Mismatch) -> Option<String> {
    let Mismatch { missing, unused, misshapen, .. } = mismatch;
    let anchors = graph.params.iter().find(|param| param.name.ends_with(".anchors"));
    let head = anchors.map_or("", |anchors| anchors.name.trim_end_matches("anchors"));
    let in_head = |name: &String| !head.is_empty() && name.starts_with(head);
    // Counters may be missing.
    let needed = graph.params.iter().filter(|param| param.role != Role::Counter).count();
    if missing.len() == needed && !unused.is_empty() {
        return Some(another_family(unused));
    }
    if missing.is_empty() && unused.is_empty() && misshapen.iter().all(|(name, ..)| in_head(name)) {
        return another_head(anchors.map_or(&[], |anchors| &anchors.shape), misshapen);
    }
    for (has, names, advice) in [
        ("The weights begin", unused, "a checkpoint that carries its model needs no model file beside it"),
        ("The model begins", missing, "a checkpoint of v6.0 or later needs a model file of v6.0 or later"),
    ] {
        if names.iter().any(|name| name.starts_with("model.0.conv.conv.")) {
            return Some(format!(
                "{has} with Focus, as before YOLOv5 v6.0, and the other does not: {advice}"
            ));
        }
    }
    if let Some(cause) = another_size(missing, unused, misshapen, &in_head) {
        return Some(cause);
    }
    let names = missing.iter().chain(unused).chain(misshapen.iter().map(|(name, ..)| name));
    let first = names.filter_map(|name| layer(name)).min()?;
    Some(match first {
        0 => "Layer 0 is another one already: give the YAML that the weights were trained with".to_owned(),
        1 => "Layer 0 fits; from layer 1 on it is another model".to_owned(),
        _ => format!("Layers 0 to {} fit; from layer {first} on it is another model", first - 1),
    })
}

/// The number of `model.N.…`.
fn layer(name: &str) -> Option<usize> {
    name.strip_prefix("model.")?.split('.').next()?.parse().ok()
}

fn another_family(unused: &[String]) -> String {
    let mut starts: Vec<&str> = unused.iter().filter_map(|name| name.split('.').next()).collect();
    starts.dedup();
    let more = if starts.len() > 4 { ", …" } else { "" };
    let starts: Vec<String> =
        starts.iter().take(4).map(|start| format!("`{}.`", start.escape_debug())).collect();
    format!(
        "No tensor has a name of the model's (`model.0.…`): those of the file begin with {}{more}, as another family's do",
        starts.join(", ")
    )
}

/// Only Detect differs: in the number of classes, or in its anchors. `anchors` has the shape of the model's.
fn another_head(anchors: &[usize], misshapen: &[(String, Vec<usize>, Vec<usize>)]) -> Option<String> {
    if let Some((_, model, file)) = misshapen.iter().find(|(name, ..)| name.ends_with(".anchors")) {
        return Some(format!(
            "The weights have anchors of shape {file:?}, the model {model:?}: take the anchors of its YAML"
        ));
    }
    let classes = |shape: &[usize]| {
        let per_anchor = shape.first()?.checked_div(*anchors.get(1)?)?;
        per_anchor.checked_sub(5)
    };
    let (_, model, file) = misshapen.first()?;
    let (model, file) = (classes(model)?, classes(file)?);
    (model != file).then(|| {
        format!(
            "The weights have {file} classes, the model {model}: set `nc: {file}` in the model's YAML; only `yolo train` takes \
             weights of other classes, and learns its last layer anew"
        )
    })
}

/// Wider or narrower by one ratio, deeper or shallower within the same rows.
fn another_size(
    missing: &[String],
    unused: &[String],
    misshapen: &[(String, Vec<usize>, Vec<usize>)],
    in_head: &impl Fn(&String) -> bool,
) -> Option<String> {
    let repeats = |names: &[String]| names.iter().any(|name| name.contains(".m.") && !in_head(name));
    let all_repeats = missing.iter().chain(unused).all(|name| name.contains(".m.") && !in_head(name));
    let ratios: Vec<f64> = misshapen
        .iter()
        .filter(|(name, model, file)| !in_head(name) && model.len() == file.len())
        .filter_map(|(_, model, file)| Some(*file.first()? as f64 / *model.first()? as f64))
        .filter(|ratio| *ratio != 1.0)
        .collect();
    let ratio = ratios.first().copied();
    let even = ratio.is_some_and(|one| ratios.iter().all(|other| (other / one - 1.0).abs() < SAME));
    let wide = ratio.filter(|_| even).map(|ratio| match ratio {
        1.0.. => format!("{} times as wide", (100.0 * ratio).round() / 100.0),
        _ => format!("narrower (by {})", (100.0 * ratio).round() / 100.0),
    });
    let deep = match (all_repeats, repeats(missing), repeats(unused)) {
        (true, false, true) => Some("deeper".to_owned()),
        (true, true, false) => Some("shallower".to_owned()),
        _ => None,
    };
    let differences: Vec<String> = wide.into_iter().chain(deep).collect();
    (all_repeats && !differences.is_empty()).then(|| {
        format!(
            "The weights are of another size of this model, {}: give the YAML of their size, as yolov5m.yaml for yolov5m's",
            differences.join(" and ")
        )
    })
}
