//! The functions that a page calls, called natively: what the detector of `yolo-host` finds, and a message for all that is wrong.
#![allow(unsafe_code)] // calls across the border

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use yolo_host::detector::Detector;
use yolo_host::eval::NmsOptions;
use yolo_host::exec::Device;
use yolo_host::image::Image;
use yolo_host::plugin::Registry;
use yolo_wasm::border::{yolo_alloc, yolo_answer, yolo_answer_len, yolo_detect, yolo_free, yolo_load};

/// A page is one caller at a time.
static ONE: Mutex<()> = Mutex::new(());

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Calls with a copy of some bytes in memory of the border's, as a page does.
fn with(bytes: &[u8], call: impl FnOnce(*const u8, usize) -> bool) -> (bool, Value) {
    let memory = yolo_alloc(bytes.len());
    assert!(bytes.is_empty() || !memory.is_null());
    // SAFETY: so many bytes were allocated; the answer stays until the next call; the memory is not used afterwards.
    unsafe {
        if !memory.is_null() {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), memory, bytes.len());
        }
        let done = call(memory, bytes.len());
        let answer = std::slice::from_raw_parts(yolo_answer(), yolo_answer_len());
        let answer = serde_json::from_slice(answer).expect("JSON");
        yolo_free(memory, bytes.len());
        (done, answer)
    }
}

fn load(bytes: &[u8], name: &str) -> (bool, Value) {
    // SAFETY: both can be read.
    with(bytes, |at, len| unsafe { yolo_load(at, len, name.as_ptr(), name.len()) })
}

fn detect(rgba: &[u8], [width, height, side]: [usize; 3], confidence: f32, iou: f32) -> (bool, Value) {
    // SAFETY: the pixels can be read.
    with(rgba, |at, len| unsafe { yolo_detect(at, len, width, height, side, confidence, iou) })
}

#[test]
fn finds_what_the_library_finds() {
    let _page = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let photo = Image::read(root().join("data/images/cows.jpg")).unwrap();
    let rgba: Vec<u8> = photo.pixels().iter().flat_map(|[r, g, b]| [*r, *g, *b, 7]).collect();
    for (name, side) in [("yolov5s", 640), ("bccd-shufflenetv2", 320)] {
        let file = root().join(format!("weights/{name}.safetensors"));
        let (loaded, told) = load(&std::fs::read(&file).unwrap(), "page.safetensors");
        let detector = Detector::load(&file, None, &mut Registry::linked().unwrap(), Device::Cpu).unwrap();
        assert!(loaded, "{told}");
        assert_eq!((&told["names"], &told["side"]), (&detector.names().into(), &side.into()));
        let options = NmsOptions { conf_thres: 0.1, ..NmsOptions::default() };
        let expected = detector.detect(&photo, (side, side), &options).unwrap();
        let (found, told) = detect(&rgba, [photo.width, photo.height, side], 0.1, 0.45);
        assert!(found, "{told}");
        let list = told["detections"].as_array().unwrap();
        assert_eq!(list.len(), expected.detections.len());
        assert!(!list.is_empty() || name != "yolov5s");
        for (given, expected) in list.iter().zip(&expected.detections) {
            let rect = expected.rect.map(f64::from);
            assert_eq!(given["rect"], serde_json::json!(rect));
            assert_eq!(given["class"], expected.class);
            assert_eq!(given["confidence"].as_f64(), Some(f64::from(expected.confidence)));
        }
    }
}

#[test]
fn says_what_is_wrong() {
    let _page = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let wrong = |(done, told): (bool, Value), part: &str| {
        let text = told["error"].as_str().unwrap_or_default().to_owned();
        assert!(!done && text.contains(part), "{told} should have `{part}`");
    };
    wrong(load(b"", "a.safetensors"), "a.safetensors");
    wrong(load(b"\x89PNG\r\n\x1a\n and so on", "cat.png"), "cat.png");
    let weights = std::fs::read(root().join("weights/bccd-yolov5n.safetensors")).unwrap();
    wrong(load(&weights[..weights.len() / 2], "half.safetensors"), "truncated");
    let bare = br#"{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#;
    let bare = [&(bare.len() as u64).to_le_bytes(), &bare[..], b"x"].concat();
    wrong(load(&bare, "bare.safetensors"), "does not say which model");
    assert!(load(&weights, "whole.safetensors").0);
    // Wrong weights take those before from nobody.
    wrong(load(b"", "b.safetensors"), "b.safetensors");
    let grey = [128; 4 * 40 * 30];
    assert!(detect(&grey, [40, 30, 320], 0.25, 0.45).0);
    wrong(detect(&grey, [41, 30, 320], 0.25, 0.45), "41×30");
    wrong(detect(&grey, [usize::MAX, 8, 320], 0.25, 0.45), "not a photograph");
    wrong(detect(&[], [0, 0, 320], 0.25, 0.45), "0 bytes");
    wrong(detect(&grey, [40, 30, 0], 0.25, 0.45), "2048 pixels, not 0");
    wrong(detect(&grey, [40, 30, 4000], 0.25, 0.45), "not 4000");
    wrong(detect(&grey, [40, 30, 320], f32::NAN, 0.45), "confidence");
    wrong(detect(&grey, [40, 30, 320], 0.25, 1.5), "overlap");
    assert!(yolo_alloc(usize::MAX).is_null());
}
