//! Every layer of every golden network, and the decoded boxes, against the reference in double precision.

use yolo_bundle as _;
use yolo_tests::reference::{layer_failures, networks};
use yolo_tests::{read_golden, registry, report};

#[test]
fn every_layer_matches_the_reference() {
    let registry = registry();
    report(networks("layers").iter().flat_map(|file| layer_failures(file, &registry)).collect());
}

/// Every model file has a golden, so that a new one cannot be forgotten.
#[test]
fn every_model_has_a_golden() {
    let named: Vec<String> =
        networks("layers").iter().filter_map(|file| read_golden(file).meta.model).collect();
    let missing = yolo_tests::models().into_iter().filter(|model| {
        let name = format!("models/{}", model.file_name().unwrap().to_string_lossy());
        !named.contains(&name)
    });
    report(
        missing.map(|model| format!("{}: run tests/goldens/generate.py layers", model.display())).collect(),
    );
}
