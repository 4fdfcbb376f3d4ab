//! Objects in a photograph.

use crate::{arm, succeed};
use serde_json::Value;
use std::process::Command;
use yolo_tests::{report, yolo};

#[derive(Debug)]
struct Object {
    class: String,
    /// In whole pixels.
    corners: [f64; 4],
    score: f64,
}

/// What is found in images.
fn objects(mut program: Command, source: &str, precision: &[&str]) -> Vec<Object> {
    let weights = "weights/bccd-mobilenetv3-small.safetensors";
    program.args(["detect", "--json", "--nosave", "--weights", weights, "--source", source]);
    let said = succeed(program.args(precision));
    let number = |value: &Value| value.as_f64().expect("a number");
    let mut objects = vec![];
    for image in said.lines() {
        let image: Value = serde_json::from_str(image).expect("a line of JSON for each image");
        for found in image["detections"].as_array().expect("detections") {
            let corners = [0, 1, 2, 3].map(|i| number(&found["box"][i]));
            let (class, score) = (found["name"].to_string(), number(&found["confidence"]));
            objects.push(Object { class, corners, score });
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
        let (given, expected) =
            (objects(program, "data/images", precision), objects(yolo(), "data/images", precision));
        assert!(!expected.is_empty());
        let near = |(a, b): (&Object, &Object)| {
            let apart = a.corners.iter().zip(b.corners).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            a.class == b.class && apart <= 2.0 && (a.score - b.score).abs() <= most
        };
        if given.len() != expected.len() || !given.iter().zip(&expected).all(near) {
            failures.push(format!("{precision:?}: {given:?} in place of {expected:?}"));
        }
    }
    report(failures);
}

/// Processors without the newer instructions never meet one. `QEMU_CPU` is how the emulator is told.
#[test]
fn older_processors_detect() {
    let Some(mut program) = arm() else { return };
    let source = "data/images/sheep.jpg";
    let expected = objects(yolo(), source, &[]);
    for processor in ["cortex-a53", "cortex-a76"] {
        for precision in ["f32", "bf16", "fp16", "int8"] {
            let mut arguments = vec!["--precision", precision];
            if precision == "int8" {
                arguments.extend(["--calibrate", source]);
            }
            let mut program = arm().expect("asked before");
            program.env("QEMU_CPU", processor);
            let given = objects(program, source, &arguments);
            assert!(given.len().abs_diff(expected.len()) <= 3, "{processor}, {precision}: {given:?}");
        }
    }
    let output =
        program.env("QEMU_CPU", "cortex-a53").env("YOLO_KERNELS", "neon+fp16").arg("blocks").output();
    let output = output.expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("this processor has no fp16") && output.status.code() == Some(2), "{errors}");
}
