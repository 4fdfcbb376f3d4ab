//! Values of a model file: arguments, anchors and activations, as the reference's `eval` has them.

use super::python::{self, Python};
use super::{Anchors, Spec};
use crate::graph::Act;
use crate::plugin::Arg;
use crate::plugin::activation::KNOWN;
use serde_yaml::Value;
use std::collections::BTreeMap;

/// No model has more activations of single modules.
const MAX_ACTIVATIONS: usize = 10_000;

impl Spec {
    /// The argument that a YAML value stands for, as the reference's `eval` has it.
    pub fn argument(&self, value: &Value) -> Result<Arg, String> {
        Ok(match to_python(value, &|name| self.name(name))? {
            Python::None => Arg::None,
            Python::Bool(value) => Arg::Bool(value),
            Python::Int(value) => Arg::Int(value),
            Python::Float(value) => Arg::Float(value),
            Python::Text(text) => Arg::Word(text),
            Python::Activation(act) => Arg::Activation(act),
            Python::List(list) => {
                let int = |item: &Python| if let Python::Int(value) = item { Some(*value) } else { None };
                let ints: Option<Vec<i64>> = list.iter().map(int).collect();
                Arg::Ints(ints.ok_or_else(|| {
                    format!("a list may hold whole numbers only here, not {}", shown(value))
                })?)
            }
        })
    }

    /// The anchors that the second argument of Detect stands for.
    pub fn anchors_argument(&self, value: &Value) -> Result<Anchors, String> {
        parse_anchors(&to_python(value, &|name| self.name(name))?)
    }

    /// The value of a name that the reference's `parse_model` has at hand.
    fn name(&self, name: &str) -> Option<Python> {
        let per_output = self.anchors.per_output() as i64;
        Some(match name {
            "nc" => Python::Int(self.nc as i64),
            "na" => Python::Int(per_output),
            "no" => Python::Int(per_output * (self.nc as i64 + 5)),
            "gd" => Python::Float(self.depth_multiple),
            "gw" => Python::Float(self.width_multiple),
            "anchors" => match &self.anchors {
                Anchors::Count(count) => Python::Int(*count as i64),
                Anchors::Pixels(lists) => {
                    let size = |size: &f32| Python::Float(f64::from(*size));
                    Python::List(
                        lists.iter().map(|list| Python::List(list.iter().map(size).collect())).collect(),
                    )
                }
            },
            _ => return None,
        })
    }
}

/// A YAML value in Python: texts are evaluated, save for words that are no names.
pub(super) fn to_python(value: &Value, names: &dyn Fn(&str) -> Option<Python>) -> Result<Python, String> {
    Ok(match value {
        Value::Null => Python::None,
        Value::Bool(value) => Python::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => Python::Int(value),
            (None, Some(value)) => Python::Float(value),
            _ => return Err(format!("{number} is not a number here")),
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            // The reference's YAML is that of 1.1.
            "yes" | "on" => Python::Bool(true),
            "no" | "off" => Python::Bool(false),
            _ => match python::evaluate(text, names) {
                Err(error) if error.unknown.is_some() && is_word(text) => Python::Text(text.clone()),
                evaluated => evaluated.map_err(|error| error.to_string())?,
            },
        },
        Value::Sequence(list) => {
            Python::List(list.iter().map(|item| to_python(item, names)).collect::<Result<_, _>>()?)
        }
        Value::Mapping(_) | Value::Tagged(_) => return Err("a map is no argument".into()),
    })
}

/// A word, such as `nearest`, which Python's `eval` does not know and the reference leaves as it is.
fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// A value in a message.
pub(super) fn shown(value: &Value) -> String {
    let text = serde_yaml::to_string(value).unwrap_or_default().trim_end().replace('\n', " ");
    if text.chars().count() > 60 { text.chars().take(60).chain(['…']).collect() } else { text }
}

/// An activation as it is written, or the identity.
pub(super) fn parse_activation(value: &Value) -> Result<Option<Act>, String> {
    match to_python(value, &|_| None)? {
        Python::Activation(act) => Ok(act),
        _ => Err(format!("{} is no activation; there are {KNOWN}", shown(value))),
    }
}

/// The key `activations`.
pub(super) fn parse_activations(value: &Value) -> Result<BTreeMap<String, Option<Act>>, String> {
    let map = value.as_mapping().filter(|map| map.len() <= MAX_ACTIVATIONS);
    let map = map.ok_or("`activations` must be a map from modules, such as model.2.cv1, to activations")?;
    let pair = |(key, value): (&Value, &Value)| {
        let name =
            key.as_str().ok_or_else(|| format!("`activations`: {} is no name of a module", shown(key)))?;
        let act = parse_activation(value).map_err(|why| format!("`activations`, {name}: {why}"))?;
        Ok((name.to_string(), act))
    };
    map.iter().map(pair).collect()
}

/// Anchors, written as a number, as lists of sizes, or as lists of pairs.
pub(super) fn parse_anchors(value: &Python) -> Result<Anchors, String> {
    let wrong = "`anchors` must be a number from 1 to 100, or for each output one list of widths and heights, all of one length";
    if let Python::Int(count @ 1..=100) = value {
        return Ok(Anchors::Count(*count as usize));
    }
    let Python::List(lists) = value else { return Err(wrong.into()) };
    let mut anchors = Vec::with_capacity(lists.len().min(100));
    for list in lists {
        let mut sizes = vec![];
        flatten(list, 2, &mut sizes).filter(|()| matches!(list, Python::List(_))).ok_or(wrong)?;
        anchors.push(sizes);
    }
    let good = |list: &Vec<f32>| !list.is_empty() && list.len().is_multiple_of(2) && list.len() <= 200;
    let alike = anchors.iter().all(|list| good(list) && list.len() == anchors[0].len());
    if anchors.is_empty() || anchors.len() > 100 || !alike {
        return Err(wrong.into());
    }
    Ok(Anchors::Pixels(anchors))
}

/// Widths and heights, one after another or in pairs.
fn flatten(value: &Python, depth: usize, sizes: &mut Vec<f32>) -> Option<()> {
    let size = match value {
        Python::Int(size) => *size as f32,
        Python::Float(size) => *size as f32,
        Python::List(list) if depth > 0 => {
            return list.iter().try_for_each(|item| flatten(item, depth - 1, sizes));
        }
        _ => return None,
    };
    (size.is_finite() && size >= 0.0).then(|| sizes.push(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_in_messages() {
        let text = |count| shown(&Value::String("x".repeat(count)));
        assert_eq!(text(60), "x".repeat(60));
        assert_eq!(text(61), format!("{}…", "x".repeat(60)));
        assert_eq!(text(1), "x");
    }
}
