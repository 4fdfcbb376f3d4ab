//! Resize and letterbox against OpenCV to the bit, and boxes on their way back.

use serde_json::Value;
use sha2::{Digest, Sha256};
use yolo_host::image::{Geometry, Image, letterbox, resize_linear};
use yolo_tests::{golden, report, uniform};

fn cases(part: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(golden("letterbox.json")).expect("goldens");
    let json: Value = serde_json::from_str(&text).expect("goldens");
    json[part].as_array().expect(part).clone()
}

fn pair(value: &Value) -> (usize, usize) {
    (value[0].as_u64().unwrap() as usize, value[1].as_u64().unwrap() as usize)
}

/// The noise image of `portable.py`.
fn image((width, height): (usize, usize)) -> Image {
    let bytes = uniform(&format!("letterbox/{width}x{height}"), width * height * 3);
    Image { width, height, rgb: bytes.into_iter().map(|u| (256.0 * u) as u8).collect() }
}

fn digest(image: &Image) -> String {
    Sha256::digest(&image.rgb).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn resize_matches_opencv() {
    let mut failures = Vec::new();
    for case in cases("resize") {
        let (from, to) = (pair(&case["from"]), pair(&case["to"]));
        if digest(&resize_linear(&image(from), to.0, to.1)) != case["sha256"].as_str().unwrap() {
            failures.push(format!("{from:?} to {to:?}"));
        }
    }
    report(failures);
}

#[test]
fn letterbox_matches_the_reference() {
    let mut failures = Vec::new();
    for case in cases("letterbox") {
        let stride = case["stride"].as_u64().unwrap() as usize;
        let boxed = letterbox(
            &image(pair(&case["picture"])),
            pair(&case["imgsz"]),
            case["auto"].as_bool().unwrap(),
            true,
            stride,
        );
        let shape = (boxed.image.height, boxed.image.width);
        let figures = [boxed.gain, boxed.pad.0, boxed.pad.1];
        let reference = ["ratio", "dw", "dh"].map(|key| case[key].as_f64().unwrap());
        if shape != pair(&case["shape"]) || figures != reference || digest(&boxed.image) != case["sha256"] {
            failures.push(format!("{case}: got {shape:?} {figures:?}"));
        }
    }
    report(failures);
}

#[test]
fn boxes_come_back() {
    let rects = |value: &Value| -> Vec<[f32; 4]> {
        let side = |v: &Value| v.as_f64().unwrap() as f32;
        let list = value.as_array().unwrap().iter();
        list.map(|rect| std::array::from_fn(|i| side(&rect[i]))).collect()
    };
    for case in cases("scale_coords") {
        let mut boxes = rects(&case["boxes"]);
        let geometry = Geometry::fitted(pair(&case["photograph"]), pair(&case["network"]));
        boxes.iter_mut().for_each(|rect| geometry.restore(rect));
        assert_eq!(boxes, rects(&case["scaled"]), "{}", case["name"]);
        let rounded: Vec<[f32; 4]> = boxes.iter().map(|rect| rect.map(f32::round_ties_even)).collect();
        assert_eq!(rounded, rects(&case["rounded"]), "{}", case["name"]);
    }
}
