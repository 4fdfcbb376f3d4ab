//! What a report tells of a run: its options as they stand on the command line, the model, the hyperparameters.

use super::output::thousands;
use crate::model::Model;
use crate::report::general;
use crate::report::html::Facts;
use crate::train::{Device, Hyper, Options, TrainingRun};
use serde::Serialize;
use serde_json::Value;

/// All of a training.
pub fn training(training: &TrainingRun) -> Vec<Facts> {
    let options = training.options();
    let file = options.cfg.as_ref().or(options.weights.as_ref()).map(|file| file.display().to_string());
    vec![
        model(training.model(), file, options.imgsz, training.names()),
        Facts { title: "Options".into(), rows: self::options(options) },
        Facts { title: "Hyperparameters".into(), rows: hyper(training.hyper()) },
    ]
}

/// A model and its classes.
pub fn model(model: &Model, file: Option<String>, imgsz: usize, names: &[String]) -> Facts {
    let mut rows = vec![];
    rows.extend(file.map(|file| ("file".to_string(), file)));
    let imgsz = imgsz.next_multiple_of(model.detect.max_stride());
    if let Ok(statistics) = model.statistics(imgsz) {
        rows.push(("layers".into(), statistics.layers.to_string()));
        rows.push(("parameters".into(), thousands(statistics.parameters)));
        rows.push((
            "GFLOPs".into(),
            format!("{} at {imgsz} × {imgsz} pixels", general(statistics.gflops, 3)),
        ));
    }
    rows.push(("classes".into(), format!("{}: {}", names.len(), names.join(", "))));
    Facts { title: "Model".into(), rows }
}

/// Options by their names on the command line. Those that are not given are left out.
fn options(options: &Options) -> Vec<(String, String)> {
    let row = |(key, value): (String, Value)| {
        let written = match (key.as_str(), &value) {
            (_, Value::Null) => return None,
            // On the command line it is told by what it is not.
            ("amp", Value::Bool(amp)) => return Some(("no-amp".to_string(), yes(!amp).to_string())),
            ("batch", _) => return Some(("batch-size".to_string(), written(&value))),
            ("machine", _) => {
                let device = match options.device {
                    Device::Cpu | Device::CudaOnCpu => "cpu".to_string(),
                    Device::Cuda(index) => index.to_string(),
                };
                return Some(("device".to_string(), device));
            }
            ("cache", _) => written(&value).to_lowercase(),
            ("optimizer", Value::String(rule)) if rule == "Sgd" => "SGD".to_string(),
            _ => written(&value),
        };
        Some((key.replace('_', "-"), written))
    };
    members(options).filter_map(row).collect()
}

fn hyper(hyper: &Hyper) -> Vec<(String, String)> {
    members(hyper).map(|(key, value)| (key, written(&value))).collect()
}

fn members(of: &impl Serialize) -> impl Iterator<Item = (String, Value)> {
    let map = match serde_json::to_value(of) {
        Ok(Value::Object(map)) => map,
        _ => serde_json::Map::new(),
    };
    map.into_iter()
}

/// A value as a person writes it: lists without brackets, texts without quotes.
fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(value) => yes(*value).to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(written).collect::<Vec<_>>().join(" "),
        Value::Object(map) => {
            map.iter().map(|(key, value)| format!("{key} {}", written(value))).collect::<Vec<_>>().join(" ")
        }
    }
}

fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_written_as_people_write_them() {
        for (value, expected) in [
            (json!(640), "640"),
            (json!(0.01), "0.01"),
            (json!(true), "yes"),
            (json!([0, 1, 2]), "0 1 2"),
            (json!("data/my \"set\".yaml"), "data/my \"set\".yaml"),
            (json!({ "Cuda": 0 }), "Cuda 0"),
        ] {
            assert_eq!(written(&value), expected);
        }
    }
}
