//! Text of any origin, and datasets in YOLO's form as people bring them.

use std::fs;
use std::path::Path;
use tempfile::TempDir;
use yolo_host::data::{Dataset, Error, Picture, Split, SplitName, SplitOptions, TroubleKind};

const UNCACHED: SplitOptions<'static> =
    SplitOptions { cache: false, single_cls: false, share: 0.9, progress: None };

/// A folder with these files; a name of an image gets one of 20x12 pixels.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, content) in files {
        add(root.path(), name, content);
    }
    root
}

fn add(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    if content.is_empty() && name.ends_with(".png") {
        Picture { width: 20, height: 12, rgb: vec![90; 720] }.write(&path).unwrap();
    } else {
        fs::write(path, content).unwrap();
    }
}

fn train(data: &Path) -> Result<Split, Error> {
    Dataset::read(data)?.split(SplitName::Train, UNCACHED)
}

/// The objects of the one image that these labels belong to, beside an image that is well labelled; and the messages.
fn labelled(text: &[u8]) -> (Vec<Vec<f64>>, Vec<(TroubleKind, String)>) {
    let root = folder(&[
        ("data.yaml", b"train: images\nnames: [a, b, c]\n"),
        ("images/x.png", b""),
        ("labels/x.txt", text),
        ("images/z.png", b""),
        ("labels/z.txt", b"0 0.5 0.5 0.5 0.5"),
    ]);
    let Split { items, report } = train(&root.path().join("data.yaml")).unwrap();
    let item = items.iter().find(|item| item.image.ends_with("x.png"));
    let labels = item.map(|item| item.labels.as_slice()).unwrap_or_default();
    let rows = labels.iter().map(|label| {
        let numbers = [&[label.class as f64][..], &label.rect, &[label.segment.len() as f64]].concat();
        numbers.into_iter().map(|number| (number * 1e4).round() / 1e4).collect()
    });
    (rows.collect(), report.messages.into_iter().map(|trouble| (trouble.kind, trouble.text)).collect())
}

#[test]
fn each_row_is_a_box_or_an_outline_by_its_own_length() {
    let (rows, messages) =
        labelled(b"0 0.5 0.5 0.2 0.4\n1 0.1 0.1 0.3 0.1 0.3 0.25 0.1 0.25\n2 .2 .2 .3 .2 .3 .4\n");
    assert_eq!(messages, []);
    let outline = [1.0, 0.2, 0.175, 0.2, 0.15, 4.0];
    assert_eq!(
        rows,
        [vec![0.0, 0.5, 0.5, 0.2, 0.4, 0.0], outline.into(), vec![2.0, 0.25, 0.3, 0.1, 0.2, 3.0]]
    );
}

#[test]
fn one_bad_row_costs_itself_and_is_told_by_line() {
    use TroubleKind::*;
    let good = "0 0.5 0.5 0.2 0.4";
    for (bad, kind, told) in [
        (
            "1 0.5 0.5 0.2 0.4 0.9",
            Columns,
            "6 columns, but a box has 5 (class x y width height, no confidence)",
        ),
        ("1 0.5 0.5 0.2", Columns, "4 columns, but a box has 5"),
        ("1 .1 .1 .2 .2 .3 .3 .4", Columns, "8 columns, but an outline has a class and pairs of numbers"),
        ("1 0.5 0.5 O.2 0.4", NotANumber, "'O.2' is not a number"),
        ("cat 0.5 0.5 0.2 0.4", NotANumber, "'cat' is not a number: a class is given by its number, from 0"),
        ("0 0,1 0,1 0,1", NotANumber, "write numbers with a point"),
        ("1 120 80 40 20", OutOfRange, "a coordinate is 120: not a share of the image"),
        ("1 0.5 nan 0.2 0.4", OutOfRange, "a label holds NaN"),
        ("1 0.5 -0.5 0.2 0.4", Negative, "the negative number -0.5"),
        ("3 0.5 0.5 0.2 0.4", UnknownClass, "class 3, but the dataset's classes are 0 to 2"),
        ("1.5 0.5 0.5 0.2 0.4", UnknownClass, "class 1.5, but"),
        ("0 0.5 0.5 0.2 0.4", Duplicate, "the same as line 1"),
    ] {
        let (rows, messages) = labelled(format!("{good}\n\n{bad}\n2 .3 .3 .1 .1\n").as_bytes());
        let classes: Vec<f64> = rows.iter().map(|row| row[0]).collect();
        assert_eq!(classes, [0.0, 2.0], "{bad}");
        let [(found, text)] = messages.as_slice() else { panic!("{bad}: {messages:?}") };
        assert_eq!(*found, kind, "{bad}: {text}");
        assert!(text.starts_with("line 3: ") && text.contains(told), "{bad}: {text}");
    }
    let (_, messages) = labelled("7 .5 .5 .5 .5\n".repeat(50).as_bytes());
    assert_eq!(messages.len(), 21);
    assert_eq!(messages[20].1, "30 more of this kind");
}

#[test]
fn numbers_are_read_as_spreadsheets_and_editors_write_them() {
    let boxed = vec![vec![1.0, 0.5, 0.5, 0.2, 0.4, 0.0]];
    for text in [
        "1 0.5 0.5 0.2 0.4",
        "1\t.5\t.5\t.2\t.4\t\r\n",
        "  1.0  5e-1 +0.5 2E-1 0.4  \r",
        "1 0,5 0,5 0,2 0,4",
        "1,0.5,0.5,0.2,0.4",
        "1, 0.5, 0.5, 0.2, 0.4,",
        "1;0,5;0,5;0,2;0,4",
        "\"1\",\"0.5\",\"0.5\",\"0.2\",\"0.4\"",
        "'1 0.5 0.5 0.2 0.4'",
        "1 0.5,0.5 0.2,0.4",
        "\u{feff}1\u{a0}0.5 0.5 0.2 0.4",
    ] {
        assert_eq!(labelled(text.as_bytes()), (boxed.clone(), vec![]), "{text}");
    }
}

#[test]
fn images_whose_objects_are_all_left_out_are_told() {
    let yaml: (&str, &[u8]) = ("data.yaml", b"train: images\nnames: [a]\n");
    let bad: &[(&str, &[u8])] =
        &[yaml, ("images/x.png", b""), ("labels/x.txt", b"4 .5 .5 .5 .5\n5 .5 .5 .5 .5\n")];
    let told = train(&folder(bad).path().join("data.yaml")).unwrap_err().to_string();
    assert!(told.contains("not one object for train can be used, 2 are left out; the first: "), "{told}");
    assert!(told.contains("line 1: class 4, but"), "{told}");
    let good: &[(&str, &[u8])] = &[("images/z.png", b""), ("labels/z.txt", b"0 .5 .5 .5 .5")];
    let report = train(&folder(&[bad, good].concat()).path().join("data.yaml")).unwrap().report;
    assert_eq!(report.notes, ["all objects of 1 image are left out: to the model this is background"]);
}
