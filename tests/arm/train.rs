//! Steps of a training.

use crate::{arm, succeed};
use std::path::Path;
use std::process::Command;
use yolo_tests::{runs, yolo};

/// The losses of an epoch's three steps, and of the validation after them.
fn losses(mut program: Command, data: &Path) -> Vec<f64> {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path().display().to_string();
    let data = data.display().to_string();
    program.args(["train", "--cfg", "models/yolov5-shufflenetv2.yaml", "--data", &data]);
    program.args(["--epochs", "1", "--batch-size", "4", "--imgsz", "64", "--noautoanchor", "--seed", "3"]);
    succeed(program.args(["--weights", "", "--project", &project, "--name", "run"]));
    let table = std::fs::read_to_string(folder.path().join("run/results.csv")).expect("results.csv");
    let mut rows = table.lines().map(|row| row.split(',').map(str::trim));
    let names: Vec<&str> = rows.next().expect("a head").collect();
    let row = names.into_iter().zip(rows.next().expect("an epoch"));
    let losses = row.filter(|(name, _)| name.ends_with("_loss"));
    losses.map(|(_, value)| value.parse().expect("a number")).collect()
}

#[test]
fn losses_are_as_on_this_machine() {
    let data = runs::drawn();
    let Some(program) = arm() else { return };
    let (given, expected) = (losses(program, data.path()), losses(yolo(), data.path()));
    assert_eq!(expected.len(), 6);
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-3 * b.abs();
    assert!(given.iter().zip(&expected).all(near), "{given:?} in place of {expected:?}");
}
