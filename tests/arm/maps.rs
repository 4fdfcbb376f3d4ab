//! Raw maps of every model, by `yolo bench --serve`.

use crate::arm;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use yolo_host::weights::{self, Array, Checkpoint, Data, Dtype};
use yolo_tests::{floats, light_models, portable_state, random_images, report, root, yolo};

/// Models whose maps are compared at 320, beside the small ones of all.
const FIVE: [&str; 5] = [
    "yolov5n.yaml",
    "yolov5s.yaml",
    "yolov5-shufflenetv2.yaml",
    "yolov5-mobilenetv3-small.yaml",
    "yolov5s-ghost.yaml",
];

/// A model with weights and input in a folder, and where its maps go.
struct Case {
    name: String,
    load: String,
}

/// All light models or the five, at two by three strides or at 320.
fn cases(folder: &Path, all: bool, at_320: bool) -> Vec<Case> {
    let write = |name: &str, arrays: BTreeMap<String, Array>| {
        let file = folder.join(name);
        weights::write(&file, &Checkpoint { arrays, ..Checkpoint::default() }, Dtype::F32).expect(name);
        file.display().to_string()
    };
    let wanted = |file: &str| all || FIVE.iter().any(|name| file.ends_with(name));
    let mut cases = vec![];
    for (i, (file, model)) in light_models().into_iter().filter(|(file, _)| wanted(file)).enumerate() {
        let stride = model.detect.max_stride();
        let [height, width] = if at_320 { [320; 2] } else { [2 * stride, 3 * stride] };
        let shape = [1, model.spec.channels, height, width];
        let image = Array { shape: shape.to_vec(), data: Data::F32(random_images(shape)) };
        let state = write(&format!("weights{i}"), portable_state(&model).to_arrays(&model.graph));
        let input = write(&format!("input{i}"), BTreeMap::from([("input".to_string(), image)]));
        cases.push(Case { load: format!("load m{i} {file} {state} {input}"), name: file });
    }
    cases
}

/// Runs every case in one process, and gives the maps of each.
fn maps(mut program: Command, arguments: &[&str], cases: &[Case], output: &Path) -> Vec<Vec<f32>> {
    program.args(["bench", "--serve"]).args(arguments);
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut input = child.stdin.take().expect("its input");
    let file = |i: usize| output.join(format!("maps{i}"));
    for (i, case) in cases.iter().enumerate() {
        writeln!(input, "{} {}", case.load, file(i).display()).expect("it listens");
    }
    drop(input);
    let said = child.wait_with_output().expect("it ends").stdout;
    let said = String::from_utf8_lossy(&said);
    let fine = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!(fine, cases.len(), "{said}");
    let read = |i: usize| weights::read(&file(i)).expect("maps").arrays;
    (0..cases.len()).map(|i| read(i).values().flat_map(floats).collect()).collect()
}

/// The largest difference, as a share of the largest number.
fn share(given: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(given.len(), expected.len());
    let largest = expected.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    let differences = given.iter().zip(expected).map(|(a, b)| (a - b).abs());
    let most = differences.fold(0.0f32, |most, value| if value.is_nan() { value } else { most.max(value) });
    f64::from(most) / f64::from(largest)
}

/// Runs all cases with a set of instructions beside this machine's, and gives what is further apart than `most`.
fn compare(cases: &[Case], kernels: &str, arguments: &[&str], most: f64) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut program = arm().expect("asked before");
    program.env("YOLO_KERNELS", kernels);
    let expected = maps(yolo(), arguments, cases, folder.path());
    let given = maps(program, arguments, cases, folder.path());
    let compared = cases.iter().zip(given.iter().zip(&expected));
    let shares = compared.map(|(case, (given, expected))| (&case.name, share(given, expected)));
    let shares: Vec<_> = shares.collect();
    let largest = shares.iter().fold(0.0, |most, (_, share)| f64::max(most, *share));
    eprintln!("{kernels:?} {arguments:?}: {largest:.1e}");
    let wrong = shares.into_iter().filter(|(_, share)| share.is_nan() || *share > most);
    wrong.map(|(name, share)| format!("{name}, {kernels:?} {arguments:?}: {share:.1e}")).collect()
}

#[test]
fn every_model_is_as_on_this_machine() {
    if arm().is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (small, five) = (cases(folder.path(), true, false), tempfile::tempdir().expect("a folder"));
    let mut failures = compare(&small, "", &["--threads", "1"], 1e-4);
    failures.extend(compare(&cases(five.path(), false, true), "neon", &["--threads", "2"], 1e-4));
    report(failures);
}

/// bf16, fp16 and int8 round both factors alike everywhere. Sums of int8 are the same, too; those of bf16 are rounded by each
/// processor's instructions in its own way, and of fp16 ARM's have 16 bits.
#[test]
fn low_precision_is_as_on_this_machine() {
    if arm().is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let cases = cases(folder.path(), false, false);
    let photographs = root().join("data/images").display().to_string();
    let mut failures = vec![];
    for (kernels, precision, most) in [
        ("neon", "bf16", 0.01),
        ("neon+bf16", "bf16", 0.01),
        ("neon", "fp16", 1e-4),
        ("neon+fp16", "fp16", 0.015),
        ("neon", "int8", 1e-4),
        ("neon+dotprod", "int8", 1e-4),
        ("neon+i8mm", "int8", 1e-4),
    ] {
        let mut arguments = vec!["--threads", "1", "--precision", precision];
        if precision == "int8" {
            arguments.extend(["--calibrate", &photographs]);
        }
        failures.extend(compare(&cases, kernels, &arguments, most));
    }
    report(failures);
}

#[test]
fn threads_change_no_bit() {
    if arm().is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut cases = cases(folder.path(), false, true);
    cases.truncate(2);
    let with =
        |threads: &str| maps(arm().expect("asked before"), &["--threads", threads], &cases, folder.path());
    let one = with("1");
    for threads in ["2", "4"] {
        assert!(with(threads) == one, "{threads} threads");
    }
}
