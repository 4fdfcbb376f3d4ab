//! Objects in a photograph.

use crate::{arm, succeed};
use serde_json::Value;
use std::process::Command;
use yolo_tests::{report, yolo};

/// Classes, corners in whole pixels, and scores.
fn objects(mut program: Command, precision: &[&str]) -> Vec<(String, [f64; 4], f64)> {
    let weights = "weights/bccd-mobilenetv3-small.safetensors";
    program.args(["detect", "--json", "--nosave", "--weights", weights, "--source", "data/images"]);
    let said = succeed(program.args(precision));
    let number = |value: &Value| value.as_f64().expect("a number");
    let mut objects = vec![];
    for image in said.lines() {
        let image: Value = serde_json::from_str(image).expect("a line of JSON for each image");
        for found in image["detections"].as_array().expect("detections") {
            let corners = [0, 1, 2, 3].map(|i| number(&found["box"][i]));
            objects.push((found["name"].to_string(), corners, number(&found["confidence"])));
        }
    }
    objects
}

#[test]
fn objects_are_as_on_this_machine() {
    let int8 = ["--precision", "int8", "--calibrate", "data/images"];
    let mut failures = vec![];
    for (precision, most) in [(&["--precision", "f32"][..], 1e-3), (&int8[..], 0.02)] {
        let Some(program) = arm() else { return };
        let (given, expected) = (objects(program, precision), objects(yolo(), precision));
        assert!(!expected.is_empty());
        let near =
            |((class, corners, score), other): (&(String, [f64; 4], f64), &(String, [f64; 4], f64))| {
                let apart = corners.iter().zip(other.1).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                *class == other.0 && apart <= 2.0 && (score - other.2).abs() <= most
            };
        if given.len() != expected.len() || !given.iter().zip(&expected).all(near) {
            failures.push(format!("{precision:?}: {given:?} in place of {expected:?}"));
        }
    }
    report(failures);
}
