//! Parameters, names, shapes, operations and strides of every model file, against the reference.

use serde_json::Value;
use sha2::{Digest, Sha256};
use yolo_bundle as _;
use yolo_host::model::{Model, Spec};
use yolo_tests::{golden, models, registry, report, root};

fn records() -> Vec<Value> {
    let text = std::fs::read_to_string(golden("statistics.json")).expect("goldens");
    let json: Value = serde_json::from_str(&text).expect("goldens");
    json["statistics"].as_array().expect("statistics").clone()
}

fn build(record: &Value) -> Model {
    let mut spec = Spec::read(&root().join(record["model"].as_str().unwrap())).unwrap();
    spec.nc = record["nc"].as_u64().unwrap() as usize;
    Model::build(spec, &registry()).unwrap()
}

/// One line `NAME d0,d1,…` for each entry of the state_dict, sorted by name.
fn state_dict(model: &Model) -> String {
    let line = |param: &yolo_host::graph::Param| {
        let shape: Vec<String> = param.shape.iter().map(usize::to_string).collect();
        format!("{} {}\n", param.name, shape.join(","))
    };
    let mut params: Vec<_> = model.graph.params.iter().collect();
    params.sort_by(|a, b| a.name.cmp(&b.name));
    params.into_iter().map(line).collect()
}

#[test]
fn figures_are_the_reference_s() {
    let mut failures = Vec::new();
    for record in records() {
        let case = format!("{} nc {}", record["model"].as_str().unwrap(), record["nc"]);
        let model = build(&record);
        let ours = model.statistics(640).unwrap();
        let mut equal = |what: &str, ours: Value, reference: &Value| {
            if ours != *reference {
                failures.push(format!("{case}: {what} {ours}, reference {reference}"));
            }
        };
        equal("parameters", ours.parameters.into(), &record["parameters"]);
        let layers: Vec<usize> = ours.rows.iter().map(|row| row.parameters).collect();
        equal("parameters by layer", layers.into(), &record["layer_params"]);
        let strides: Vec<u64> = ours.strides.iter().map(|stride| *stride as u64).collect();
        let reference: Vec<u64> =
            record["strides"].as_array().unwrap().iter().map(|s| s.as_f64().unwrap() as u64).collect();
        equal("strides", strides.into(), &reference.into());
        equal("state_dict entries", model.graph.params.len().into(), &record["state_dict_entries"]);
        let digest: String =
            Sha256::digest(state_dict(&model)).iter().map(|byte| format!("{byte:02x}")).collect();
        equal("names and shapes", digest.into(), &record["state_dict_sha256"]);

        // The reference's hooks do not see attention; its share stands beside.
        let attention = record.get("attention_gflops").and_then(Value::as_f64).unwrap_or(0.0);
        let reference = record["gflops"].as_f64().unwrap() + attention;
        if (ours.gflops / reference - 1.0).abs() > 0.001 {
            failures.push(format!("{case}: {} GFLOPs, reference {reference}", ours.gflops));
        }
    }
    report(failures);
}

#[test]
fn every_model_is_counted() {
    let records = records();
    let counted = |model: &std::path::PathBuf| {
        let name = format!("models/{}", model.file_name().unwrap().to_string_lossy());
        records.iter().any(|record| record["model"] == name.as_str())
    };
    let missing = models().into_iter().filter(|model| !counted(model));
    report(
        missing
            .map(|model| format!("{}: run tests/goldens/generate.py statistics", model.display()))
            .collect(),
    );
}

/// A state_dict saved by the reference from each of the article's models has the names and shapes of ours.
#[test]
fn state_dicts_of_the_article_s_models_fit() {
    for name in ["yolov5-shufflenetv2", "yolov5-mobilenetv3-small", "yolov5s-ghost"] {
        let spec = Spec::read(&root().join(format!("models/{name}.yaml"))).unwrap();
        let ours = state_dict(&Model::build(spec, &registry()).unwrap());
        let reference = std::fs::read_to_string(golden(&format!("state_dict/{name}.txt"))).unwrap();
        let missing = reference.lines().filter(|line| !ours.lines().any(|our| our == *line));
        let unused = ours.lines().filter(|line| !reference.lines().any(|other| other == *line));
        let differences =
            missing.map(|l| format!("missing: {l}")).chain(unused.map(|l| format!("unused: {l}")));
        report(differences.map(|line| format!("{name}: {line}")).collect());
    }
}
