//! The files that a run leaves behind against the reference's, byte for byte where no clock is in them.

use std::path::Path;
use yolo_host::draw::plots;
use yolo_host::eval::{Detection, Metrics, Truth};
use yolo_host::report::coco::{Categories, CocoResults};
use yolo_host::report::html::{Facts, Figure, Report};
use yolo_host::report::tensorboard::EventFile;
use yolo_host::report::{EpochRow, csv};
use yolo_tests::metrics::cases;
use yolo_tests::{golden, uniform};

/// `make_reports.py` says how.
fn epochs() -> Vec<EpochRow> {
    let rows = uniform("reports", 10 * 13);
    let row = |(epoch, row): (usize, &[f64; 13])| {
        let value = |u: f64| [u * u, 10.0 * u, 1e-4 * u][epoch % 3];
        EpochRow::from_values(epoch, row.map(value))
    };
    rows.as_chunks().0.iter().enumerate().map(row).collect()
}

#[test]
fn results_csv_matches_the_reference() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.csv");
    for row in epochs() {
        csv::append(&path, &row).unwrap();
    }
    let reference = golden("reports/results.csv");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), std::fs::read_to_string(&reference).unwrap());
    let read = csv::read(&reference).unwrap();
    for (read, made) in read.iter().zip(epochs()) {
        assert_eq!(read.epoch, made.epoch);
        for (read, made) in read.values().into_iter().zip(made.values()) {
            assert!((read - made).abs() <= 5e-5 * made, "five digits of {made}: {read}");
        }
    }
    assert_eq!(read.len(), 10);
}

#[test]
fn predictions_match_the_reference() {
    let mut results = CocoResults::new(Categories::Coco91);
    for name in ["000000000042", "zidane", "007"] {
        let rows = uniform(&format!("reports/{name}"), 8 * 6);
        let detection = |row: &[f64; 6]| Detection {
            rect: [0, 1, 2, 3].map(|side| (640.0 * row[side]) as f32),
            confidence: row[4] as f32,
            class: (80.0 * row[5]) as usize,
        };
        let detections: Vec<Detection> = rows.as_chunks().0.iter().map(detection).collect();
        results.add(Path::new(name).with_extension("jpg").as_path(), &detections);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("predictions.json");
    results.write(&path).unwrap();
    let reference = std::fs::read_to_string(golden("reports/predictions.json")).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), reference);
}

/// CRC-32C bit by bit, turned and shifted as TFRecord has it.
fn checksum(bytes: &[u8]) -> u32 {
    let crc = !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82F6_3B78 * (crc & 1)))
    });
    crc.rotate_right(15).wrapping_add(0xA282_EAD8)
}

/// The events of a file without their time, which comes first, and without the version of the format.
fn events(path: &Path) -> Vec<Vec<u8>> {
    const TIME: usize = 9;
    let bytes = std::fs::read(path).unwrap();
    let mut rest = bytes.as_slice();
    let mut events = Vec::new();
    while !rest.is_empty() {
        let number = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
        let length = number(0) as usize;
        assert_eq!((number(4), number(8)), (0, checksum(&rest[..8])));
        let data = &rest[12..12 + length];
        assert_eq!(number(12 + length), checksum(data));
        assert_eq!(data[0], 0x09, "the time as a double in field 1");
        if !data.windows(13).any(|part| part == b"brain.Event:2") {
            events.push(data[TIME..].to_vec());
        }
        rest = &rest[16 + length..];
    }
    events
}

#[test]
fn events_match_the_reference() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = EventFile::resume(folder.path(), 3).unwrap();
    for row in epochs() {
        file.epoch(&row).unwrap();
    }
    file.image("results", b"the bytes of a picture", (3, 2), 10).unwrap();
    let name = file.path().file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("events.out.tfevents."), "{name}");
    let (ours, reference) = (events(file.path()), events(&golden("reports/events.tfevents")));
    assert_eq!(reference.len(), 1 + 10 * 13 + 1);
    assert_eq!(ours, reference);
    let other = EventFile::create(folder.path()).unwrap();
    assert_ne!(other.path(), file.path(), "two files at once");
}

/// The reports stay in `target/tmp`.
#[test]
fn a_report_is_whole_and_well_formed() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let names: Vec<String> = (0..80).map(|class| format!("class <{class}> & \"more\"")).collect();
    let options = [
        ("data", "a & b/<data>.yaml"),
        ("imgsz", "640"),
        ("weights", "weights/yolov5s.safetensors"),
        ("é\0", "\u{8}"),
    ]
    .map(|(name, value)| (name.to_string(), value.to_string()));
    for case in cases() {
        let summary = case.summary();
        let image = plots::confusion_matrix(&summary.confusion, &names).unwrap();
        let path = folder.join(format!("report-{}.png", case.name));
        image.write(&path).unwrap();
        let figures = [
            Figure { title: "confusion & matrix".into(), encoded: std::fs::read(&path).unwrap() },
            Figure { title: "no image".into(), encoded: b"<script>".to_vec() },
        ];
        let facts = [Facts { title: "Options <>".into(), rows: options.to_vec() }];
        let mut epochs = epochs();
        epochs[4].val[0] = f64::NAN;
        let report = Report {
            title: "exp <1>",
            facts: &facts,
            epochs: &epochs,
            summary: Some(&summary),
            names: &names,
            figures: &figures,
        };
        let path = folder.join(format!("report-{}.html", case.name));
        report.write(&path).unwrap();
        let html = std::fs::read_to_string(&path).unwrap();
        well_formed(&html);
        assert_eq!(html.matches("<img").count(), 1, "what is no image is left out");
        assert_eq!(html.matches("<tr>").count(), options.len() + table_rows(summary.classes.len()));
        assert!(!html.contains("NaN") && !html.contains("http"), "{}", case.name);
    }
    let named = html_of_curves(3);
    for name in ["class 0", "class 2"] {
        assert!(named.contains("\"key own\" style=\"--own: #") && named.contains(name), "{name}");
    }
    assert_eq!(html_of_curves(21).matches("key own").count(), 0, "too many for a legend");
    let empty = Report { title: "", facts: &[], epochs: &[], summary: None, names: &[], figures: &[] }.html();
    well_formed(&empty);
    assert!(!empty.contains("<h2>"));
}

/// A report of a validation of so many classes.
fn html_of_curves(classes: usize) -> String {
    let mut evaluation = Metrics::new(classes);
    let rect = [0.0, 0.0, 10.0, 10.0];
    let truths: Vec<Truth> = (0..classes).map(|class| Truth { class, rect }).collect();
    evaluation.add(&[Detection { rect, confidence: 0.9, class: 0 }], &truths);
    let names: Vec<String> = (0..classes).map(|class| format!("class {class}")).collect();
    let summary = evaluation.summary();
    Report { title: "", facts: &[], epochs: &[], summary: Some(&summary), names: &names, figures: &[] }.html()
}

/// People count epochs from 1; one epoch alone has whole numbers at its axis.
#[test]
fn epochs_are_counted_from_one() {
    let mut rows = epochs();
    rows.iter_mut().for_each(|row| row.metrics = [0.1; 4]);
    rows[4].metrics = [0.9; 4];
    let html = |epochs: &[EpochRow]| {
        Report { title: "", facts: &[], epochs, summary: None, names: &[], figures: &[] }.html()
    };
    assert!(html(&rows).contains("<b>5</b><span>best epoch</span>"));
    rows[7].metrics = [0.9; 4];
    assert!(html(&rows).contains("<b>8</b><span>best epoch</span>"), "the last of equal ones is kept");
    let one = html(&rows[..1]);
    assert_eq!(one.matches("text-anchor=\"middle\">1</text>").count(), 6, "one number at each of six axes");
    assert!(!one.contains("text-anchor=\"middle\">0"), "no fractions of an epoch: {one}");
}

/// Head, all classes, and each.
fn table_rows(classes: usize) -> usize {
    if classes == 0 { 0 } else { classes + 2 }
}

/// Every element is closed in order, and every text is free of what opens one.
fn well_formed(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html.strip_prefix("<!DOCTYPE html>").expect("a doctype");
    while let Some((_, tail)) = rest.split_once('<') {
        let (tag, tail) = tail.split_once('>').expect("a tag ends");
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes in <{tag}>");
        let name = tag.trim_start_matches('/').split_ascii_whitespace().next().unwrap_or_default();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "</{name}>");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        rest = tail;
    }
    assert!(open.is_empty(), "{open:?} stay open");
}
