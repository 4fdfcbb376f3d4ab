//! Parameters, names, shapes, operations and strides of every model file, against the reference.

use yolo_bundle as _;
use yolo_host::model::{Model, Spec};
use yolo_tests::reference::{figure_failures, records, state_dict};
use yolo_tests::{golden, models, registry, report, root};

#[test]
fn figures_match_the_reference() {
    let registry = registry();
    report(records("statistics.json").iter().flat_map(|record| figure_failures(record, &registry)).collect());
}

#[test]
fn every_model_is_counted() {
    let records = records("statistics.json");
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
