//! The official yolov5s on photographs, against the reference's detections.

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use yolo_bundle as _;
use yolo_host::detector::Detector;
use yolo_host::eval::{Detection, NmsOptions, non_max_suppression};
use yolo_host::exec::Device;
use yolo_host::image::{Image, letterbox};
use yolo_host::weights;
use yolo_tests::{floats, golden, registry, report, root, shared};

fn records(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(golden(file)).expect("goldens");
    let json: Value = serde_json::from_str(&text).expect("goldens");
    json["photos"].as_array().expect("photos").clone()
}

fn detector(device: Device) -> Detector {
    Detector::load(&root().join("weights/yolov5s.safetensors"), None, &mut registry(), device).unwrap()
}

/// The photograph: in the repository, else beside it.
fn photograph(name: &str) -> Option<PathBuf> {
    let mut committed =
        ["tests/data/photos", "data/images"].iter().map(|folder| root().join(folder).join(name));
    committed.find(|file| file.exists()).or_else(|| shared(&format!("data/photos/{name}")))
}

fn expected(record: &Value, key: &str) -> Vec<Detection> {
    let number = |value: &Value| value.as_f64().unwrap() as f32;
    let list = record["detections"].as_array().unwrap().iter();
    list.map(|d| Detection {
        class: d["class"].as_u64().unwrap() as usize,
        confidence: number(&d["confidence"]),
        rect: std::array::from_fn(|i| number(&d[key][i])),
    })
    .collect()
}

fn iou(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let area = |r: &[f32; 4]| (r[2] - r[0]) * (r[3] - r[1]);
    let (w, h) = (a[2].min(b[2]) - a[0].max(b[0]), a[3].min(b[3]) - a[1].max(b[1]));
    let shared = w.max(0.0) * h.max(0.0);
    shared / (area(a) + area(b) - shared)
}

/// What keeps the detections from being the reference's one to one.
fn differences(case: &str, ours: &[Detection], reference: &[Detection], confidence: f32) -> Vec<String> {
    let mut failures = Vec::new();
    if ours.len() != reference.len() {
        failures.push(format!("{case}: {} detections, reference {}", ours.len(), reference.len()));
    }
    let mut free: Vec<&Detection> = ours.iter().collect();
    for wanted in reference {
        let fits = |d: &&Detection| {
            d.class == wanted.class
                && iou(&d.rect, &wanted.rect) >= 0.95
                && (d.confidence - wanted.confidence).abs() <= confidence
        };
        match free.iter().position(fits) {
            Some(place) => drop(free.remove(place)),
            None => failures.push(format!("{case}: nothing fits {wanted:?} among {ours:?}")),
        }
    }
    failures
}

#[test]
fn detections_from_files_match_the_reference() {
    report(file_differences(&detector(Device::Cpu), "photos.json"));
}

/// A light backbone trained on COCO by other hands; the checkpoint carries its model, and ours of `models/` is the same.
#[test]
fn detections_of_yolov5_lite_match_the_reference() {
    let Some(weights) = shared("weights/v5lite-s.pt") else { return };
    let cfg = root().join("models/yolov5-lite-s.yaml");
    for cfg in [None, Some(cfg.as_path())] {
        let detector = Detector::load(&weights, cfg, &mut registry(), Device::Cpu).unwrap();
        report(file_differences(&detector, "lite.json"));
    }
}

/// Where what a detector finds in files differs from the records of `goldens`.
fn file_differences(detector: &Detector, goldens: &str) -> Vec<String> {
    let mut failures = Vec::new();
    for record in records(goldens) {
        let (name, size) =
            (record["photograph"].as_str().unwrap(), record["imgsz"].as_u64().unwrap() as usize);
        let Some(path) = photograph(name) else { continue };
        let photo = Image::read(&path).unwrap();
        // PNG has one decoding, so the network's input is the reference's to the bit.
        if name.ends_with(".png") {
            let boxed = letterbox(&photo, (size, size), true, true, 32).image;
            let planes: Vec<u8> = (0..3).flat_map(|c| boxed.rgb.iter().skip(c).step_by(3).copied()).collect();
            let digest: String = Sha256::digest(&planes).iter().map(|byte| format!("{byte:02x}")).collect();
            if digest != record["input_sha256"] {
                failures.push(format!("{name} at {size}: another network input"));
            }
        }
        let limit = if name.ends_with(".png") { 0.001 } else { 0.02 };
        let found = detector.detect(&photo, (size, size), &NmsOptions::default()).unwrap();
        failures.extend(differences(
            &format!("{name} at {size}"),
            &found.detections,
            &expected(&record, "box"),
            limit,
        ));
    }
    failures
}

/// The reference's own input tensors; `goldens/make_photos.py` leaves them in `$ORACLE_HOME/photos`.
#[test]
fn detections_from_stored_inputs_match_the_reference() {
    let home = std::env::var_os("ORACLE_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cache/yolo-oracle"))).unwrap_or_default();
    let detector = detector(Device::Cpu);
    let mut failures = Vec::new();
    for record in records("photos.json") {
        let name = record["photograph"].as_str().unwrap();
        let case = format!("{}-{}", name.split('.').next().unwrap(), record["imgsz"]);
        let file = home.join("photos").join(&case).with_added_extension("safetensors");
        if !file.exists() {
            eprintln!("SKIPPED: {} is not here", file.display());
            continue;
        }
        let input = &weights::read(&file).unwrap().arrays["input"];
        let planes: Vec<f32> = floats(input).into_iter().map(|value| value / 255.0).collect();
        let (height, width) = (input.shape[1], input.shape[2]);
        let rows = detector.predict(&planes, height, width, 0.25).unwrap();
        let ours = non_max_suppression(&rows, 80, &NmsOptions::default());
        failures.extend(differences(&case, &ours, &expected(&record, "network_box"), 0.001));
    }
    report(failures);
}

#[test]
fn the_program_for_cuda_finds_the_same() {
    let photo = Image::read(root().join("tests/data/photos/chelsea.png")).unwrap();
    let [cpu, cuda] = [Device::Cpu, Device::CudaOnCpu].map(|device| {
        let found = detector(device).detect(&photo, (256, 256), &NmsOptions::default()).unwrap();
        found.detections
    });
    assert!(!cpu.is_empty());
    report(differences("chelsea.png", &cuda, &cpu, 1e-4));
}
