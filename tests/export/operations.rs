//! Every operation through its rule, against plain loops in double precision: in rten wherever the suite runs, in ONNX Runtime
//! where it is installed.

use std::collections::BTreeSet;
use yolo_bundle as _;
use yolo_host::export::Error;
use yolo_host::export::onnx::{OPSETS, Options, write_graph};
use yolo_tests::operations::{self, Build};
use yolo_tests::runtimes::{Output, Runner, Runtime, difference, rten};
use yolo_tests::{exact, report};

/// Largest difference, as a share of the largest number.
const MOST: f64 = 1e-5;

/// The only input of these graphs.
const IMAGES: [usize; 4] = [1, 1, 1, 1];

fn check(
    seed: u64,
    opset: i64,
    build: Build,
    run: &mut dyn FnMut(Vec<u8>) -> Result<Vec<Output>, String>,
) -> Option<String> {
    let (graph, state, output) = operations::built(seed, build);
    let exact = exact::run(&graph, &state, &[0.0], IMAGES, &[output]).unwrap();
    let options = Options { opset, size: [1, 1], ..Options::default() };
    let file = match write_graph(&graph, state, &[output], &options) {
        Ok(file) => file,
        // Layer norm is the only operation that an operator set lacks.
        Err(Error::OldOpset { op: "layer_norm", needed: 17, .. }) if opset < 17 => return None,
        Err(error) => return Some(error.to_string()),
    };
    match run(file) {
        Ok(theirs) => difference(&exact, &theirs, MOST),
        Err(error) => Some(error),
    }
}

/// What rten 0.27 refuses, and how it says so.
const NOT_IN_RTEN: [(&str, &str); 2] = [
    ("dilated pool", "\"dilations\": unsupported value"),
    ("space to depth", "SpaceToDepth operator not supported"),
];

#[test]
fn every_operation_runs_in_rten() {
    report(operations::missing(operations::all));
    let mut failures = vec![];
    let mut refused = BTreeSet::new();
    for seed in 0..8 {
        operations::all(&mut |what, build| {
            let failure = check(seed, 17, build, &mut |file| rten(file, &[0.0], IMAGES));
            let Some(why) = failure else { return };
            match NOT_IN_RTEN.iter().find(|(name, told)| *name == what && why.contains(told)) {
                Some((name, _)) => _ = refused.insert(*name),
                None => failures.push(format!("{what}, seed {seed}: {why}")),
            }
        });
    }
    report(failures);
    assert_eq!(
        refused.len(),
        NOT_IN_RTEN.len(),
        "rten has learned something: shorten the list to {refused:?}"
    );
}

#[test]
fn every_operation_runs_in_onnx_runtime() {
    let Some(mut runner) = Runner::start(Runtime::OnnxRuntime) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operation.onnx");
    let mut failures = vec![];
    for (seed, opset) in (0..).zip(OPSETS) {
        operations::all(&mut |what, build| {
            let failure = check(seed, opset, build, &mut |file| {
                std::fs::write(&path, file).unwrap();
                runner.load(&path, 1)?;
                runner.run(&[0.0], IMAGES).map(<[Output]>::to_vec)
            });
            failures.extend(failure.map(|why| format!("{what}, seed {seed}, opset {opset}: {why}")));
        });
    }
    report(failures);
}
