//! Non-maximum suppression against the reference, row for row, on predictions that both languages make.

use serde_json::Value;
use yolo_host::eval::{NmsOptions, non_max_suppression};
use yolo_tests::{floats, golden, read_golden, report, uniform};

const ROWS: usize = 1500;

/// `make_nms.py` says how.
fn prediction(case: &str, nc: usize, spread: f64) -> Vec<f32> {
    let mut rows = uniform(&format!("nms/{case}"), ROWS * (5 + nc));
    for (i, row) in rows.chunks_exact_mut(5 + nc).enumerate() {
        for centre in &mut row[..2] {
            *centre = 320.0 + spread * (*centre - 0.5);
        }
        for side in &mut row[2..4] {
            *side = 4.0 + 200.0 * *side * *side;
        }
        if i % 50 == 7 {
            row[2] = 1.5;
        }
        for score in &mut row[5..] {
            *score = *score * *score * *score;
        }
    }
    rows.into_iter().map(|value| value as f32).collect()
}

fn options(json: &Value) -> NmsOptions {
    let flag = |key: &str| json[key].as_bool().unwrap_or(false);
    let classes = json["classes"].as_array();
    NmsOptions {
        conf_thres: json["conf_thres"].as_f64().unwrap() as f32,
        iou_thres: json["iou_thres"].as_f64().unwrap(),
        max_det: json["max_det"].as_u64().unwrap() as usize,
        classes: classes.map(|list| list.iter().map(|class| class.as_u64().unwrap() as usize).collect()),
        agnostic: flag("agnostic"),
        multi_label: flag("multi_label"),
    }
}

#[test]
fn rows_match_the_reference() {
    let goldens = read_golden(&golden("nms.safetensors"));
    let mut failures = Vec::new();
    let mut kept = 0;
    for (case, array) in &goldens.arrays {
        let json: Value = serde_json::from_str(&goldens.meta.extra[case]).unwrap();
        let nc = json["nc"].as_u64().unwrap() as usize;
        let rows = prediction(case, nc, json["spread"].as_f64().unwrap());
        let found = non_max_suppression(&rows, nc, &options(&json));
        let ours: Vec<f32> =
            found.iter().flat_map(|d| d.rect.into_iter().chain([d.confidence, d.class as f32])).collect();
        let reference = floats(array);
        kept += reference.len() / 6;
        if ours != reference {
            failures.push(format!("{case}: {} rows, reference {}", ours.len() / 6, reference.len() / 6));
        }
    }
    assert!(goldens.arrays.len() >= 18 && kept > 4000, "{} cases keep {kept} rows", goldens.arrays.len());
    report(failures);
}

#[test]
fn odd_numbers_do_no_harm() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let rows = [
        [nan; 7],
        [inf; 7],
        [0.0; 7],
        [10.0, 10.0, 4.0, 4.0, nan, 1.0, 1.0],
        [9.0, 9.0, 4.0, 4.0, 1.0, nan, 0.5],
    ];
    let found = non_max_suppression(&rows.concat(), 2, &NmsOptions::default());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].class, found[0].confidence), (1, 0.5));
    assert!(non_max_suppression(&[], 80, &NmsOptions::default()).is_empty());
}
