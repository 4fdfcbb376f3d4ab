//! Pascal VOC and COCO as people and tools write them: layouts, lists, encodings, odd objects, sizes.

use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use yolo_host::data::{Dataset, Error, Split, SplitName, SplitOptions, TroubleKind};
use yolo_host::image::Image;

const UNCACHED: SplitOptions<'static> =
    SplitOptions { cache: false, single_cls: false, share: 0.9, progress: None };

/// Names and contents.
type Files<'a> = Vec<(&'a str, &'a str)>;

/// A folder with these files; the images among them are grey, of the size that their content gives.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, content) in files {
        put(root.path(), name, content.as_bytes());
    }
    root
}

fn put(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let size = std::str::from_utf8(content).ok().and_then(|text| text.split_once('x'));
    match size.filter(|_| path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("png"))) {
        Some((width, height)) => {
            let (width, height) = (width.parse().unwrap(), height.parse().unwrap());
            Image { width, height, rgb: vec![90; 3 * width * height] }.write(&path).unwrap();
        }
        None => fs::write(&path, content).unwrap(),
    }
}

fn object(name: &str, [left, top, right, bottom]: [&str; 4]) -> String {
    format!(
        "<object><name>{name}</name><difficult>0</difficult><bndbox><xmin>{left}</xmin><ymin>{top}</ymin>\
         <xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
    )
}

fn annotation(size: &str, objects: &str) -> String {
    format!("<annotation>{size}{objects}</annotation>")
}

const SIZE: &str = "<size><width>40</width><height>20</height><depth>3</depth></size>";
const BOX: [&str; 4] = ["5", "5", "25", "15"];

/// An image of 40 x 20 with one object.
fn sound() -> String {
    annotation(SIZE, &object("cell", BOX))
}

fn split(root: &Path, which: SplitName) -> Result<Split, Error> {
    Dataset::read(root)?.split(which, UNCACHED)
}

fn stems(split: &Split) -> Vec<String> {
    split.items.iter().map(|item| item.image.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// The files of a VOC folder of so many images, and a list.
fn voc(names: &[&str], lists: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for name in names {
        put(root.path(), &format!("JPEGImages/{name}.png"), b"40x20");
        put(root.path(), &format!("Annotations/{name}.xml"), sound().as_bytes());
    }
    for (name, text) in lists {
        put(root.path(), &format!("ImageSets/Main/{name}.txt"), text.as_bytes());
    }
    root
}

/// What becomes of one XML file, beside a sound one.
fn one_xml(xml: &[u8], names: &[&str]) -> (Vec<(usize, [f64; 4])>, Split) {
    let root = voc(&["z"], &[("train", "x\nz\n")]);
    put(root.path(), "JPEGImages/x.png", b"40x20");
    put(root.path(), "Annotations/x.xml", xml);
    put(root.path(), "data.yaml", format!("train: .\nnames: {names:?}").as_bytes());
    let split = split(&root.path().join("data.yaml"), SplitName::Train).unwrap();
    let item = split.items.iter().find(|item| item.image.ends_with("x.png"));
    let labels = item.into_iter().flat_map(|item| &item.labels);
    (labels.map(|label| (label.class, label.rect)).collect(), split)
}

fn close(rect: [f64; 4], expected: [f64; 4]) -> bool {
    rect.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6)
}

/// Of [`BOX`], as upstream's script converts it.
const RECT: [f64; 4] = [14.0 / 40.0, 9.0 / 20.0, 0.5, 0.5];

#[test]
fn a_line_of_a_list_is_a_name() {
    let names = ["cells (1)", "cells (2)", "b.c"];
    let lists = [
        "cells (1)\ncells (2)\nb.c\n",
        "cells (1)\r\ncells (2)\r\n\r\nb.c",
        "cells (1).png\nCELLS (2).PNG\nb.c.png",
        "JPEGImages/cells (1).png\n/home/me/VOC/JPEGImages/cells (2).jpg\nC:\\VOC\\JPEGImages\\b.c.jpg",
        "JPEGImages/b.c.png Annotations/b.c.xml\ncells (1)\ncells (2)\n",
    ];
    for list in lists {
        let root = voc(&names, &[("train", list)]);
        let split = split(root.path(), SplitName::Train);
        // Without a list for val, this one is divided.
        let all = Dataset::read(root.path()).unwrap().split(SplitName::Val, UNCACHED).unwrap();
        let mut found = stems(&split.unwrap());
        found.extend(stems(&all));
        found.sort();
        assert_eq!(found, ["b.c", "cells (1)", "cells (2)"], "{list}");
    }
}

#[test]
fn marks_of_a_class_list_are_no_names() {
    let list = "a0  1\na1 -1\na2  0\n";
    let root = voc(&["a0", "a1", "a2"], &[("train", list), ("val", "a1")]);
    let train = split(root.path(), SplitName::Train).unwrap();
    assert_eq!(stems(&train), ["a0", "a2"]);
    assert!(train.report.notes[0].contains("1 image marked -1"), "{:?}", train.report.notes);
    // Both are of one folder, but not the same images.
    assert_eq!(split(root.path(), SplitName::Val).unwrap().report.notes, [""; 0]);
    // Names that end in a number are names, where there are such files.
    let root = voc(&["a 0", "a 1", "a"], &[("train", "a 0\na 1\n"), ("val", "a")]);
    assert_eq!(stems(&split(root.path(), SplitName::Train).unwrap()), ["a 0", "a 1"]);
    let root = voc(&["a 0", "a 1", "a"], &[("train", "a 0  1\na 1 -1\n"), ("val", "a")]);
    assert_eq!(stems(&split(root.path(), SplitName::Train).unwrap()), ["a 0"]);
}

/// `text` in an encoding, with a declaration of it.
fn encoded(text: &str, name: &str) -> Vec<u8> {
    let text = format!("<?xml version=\"1.0\" encoding=\"{name}\"?>\n{text}");
    let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    match name {
        "UTF-8" => text.into_bytes(),
        "UTF-16" => [vec![0xff, 0xfe], wide(u16::to_le_bytes)].concat(),
        "UTF-16BE" => wide(u16::to_be_bytes),
        // 猫 and é, which the tests write.
        "GB2312" => replaced(&text, "猫", b"\xc3\xa8"),
        "ISO-8859-1" | "windows-1252" => replaced(&text, "é", b"\xe9"),
        _ => panic!("{name}"),
    }
}

fn replaced(text: &str, letter: &str, bytes: &[u8]) -> Vec<u8> {
    text.split(letter).map(str::as_bytes).collect::<Vec<_>>().join(bytes)
}

#[test]
fn xml_is_decoded_as_it_declares() {
    for (name, class) in [
        ("GB2312", "猫"),
        ("ISO-8859-1", "café"),
        ("windows-1252", "café"),
        ("UTF-16", "猫é"),
        ("UTF-16BE", "猫é"),
        ("UTF-8", "猫é"),
    ] {
        let xml = encoded(&annotation(SIZE, &object(class, BOX)), name);
        let (labels, split) = one_xml(&xml, &["cell", class]);
        assert_eq!(labels.len(), 1, "{name}: {:?}", split.report);
        assert_eq!(labels[0].0, 1, "{name}");
    }
    for (name, bytes, expected) in [
        ("klingon", &b"cell"[..], "'klingon' is not known"),
        ("UTF-8", b"caf\xe9", "declares the encoding UTF-8, but line 2: not UTF-8 (byte 0xE9)"),
    ] {
        let text = annotation(SIZE, &object("#", BOX));
        let text = format!("<?xml version='1.0' encoding='{name}'?>\n{text}");
        let (labels, split) = one_xml(&replaced(&text, "#", bytes), &["cell"]);
        let told = split.report.messages[0].to_string();
        assert!(labels.is_empty() && told.contains(expected) && told.contains("x.xml"), "{told}");
    }
}

#[test]
fn odd_objects_are_mended_or_left_out_with_a_reason() {
    use TroubleKind::{Difficult, Mended, OtherClass, Unusable};
    let difficult = |mark: &str| {
        object("cell", BOX).replace("<difficult>0</difficult>", &format!("<difficult>{mark}</difficult>"))
    };
    let polygon = |points: &str| format!("<object><name>cell</name><polygon>{points}</polygon></object>");
    let whole = [0.25, 0.5, 0.5, 1.0];
    let cases = [
        (difficult(""), Ok((None, RECT))),
        (difficult("Unspecified"), Ok((None, RECT))),
        (object("cell", BOX).replace("<difficult>0</difficult>", "<difficult/>"), Ok((None, RECT))),
        (difficult("1"), Err((Difficult, "marked difficult"))),
        (object(" cell\n", BOX), Ok((None, RECT))),
        (object("Cell", BOX), Ok((Some(Mended), RECT))),
        (object("cell", ["5,0", "5,00", "25.0", " 15 "]), Ok((None, RECT))),
        (object("cell", ["25", "15", "5", "5"]), Ok((Some(Mended), RECT))),
        (object("cell", ["-9", "-9", "21", "29"]), Ok((Some(Mended), [9.5 / 40.0, 9.0 / 20.0, 21.0 / 40.0, 1.0]))),
        (object("cell", ["0", "0", "1", "1"]), Ok((None, [0.5 / 40.0, 0.5 / 20.0, 1.0 / 40.0, 1.0 / 20.0]))),
        (object("cell", ["50", "5", "60", "15"]), Err((Unusable, "outside the image"))),
        (object("cell", ["5", "", "25", "15"]), Err((Unusable, "a coordinate is empty"))),
        (object("cell", ["5,000", "5", "25,000", "15"]), Ok((None, RECT))),
        (object("cell", ["NaN", "5", "25", "15"]), Err((Unusable, "'NaN', not a number"))),
        ("<object><name>cell</name></object>".into(), Err((Unusable, "no <bndbox>"))),
        ("<object/>".into(), Err((Unusable, "no name"))),
        (object("", BOX), Err((Unusable, "no name"))),
        (object("frog", BOX), Err((OtherClass, "'frog' is not among the names"))),
        ("<object><name>cell</name><bndbox><xmin>5</xmin></bndbox></object>".into(), Err((Unusable, "not whole"))),
        ("<object><name>cell</name><segm><mask>a.png</mask></segm></object>".into(), Err((Unusable, "<segm>"))),
        (polygon("<pt><x>0</x><y>0</y></pt><pt><x>20</x><y>0</y></pt><pt><x>9</x><y>20</y></pt>"), Ok((None, whole))),
        (polygon("<x1>0</x1><y1>0</y1><x2>20</x2><y2>0</y2><x3>9</x3><y3>20</y3>"), Ok((None, whole))),
        (
            "<object><name>cell</name><robndbox><cx>10</cx><cy>10</cy><w>20</w><h>20</h><angle>1.5707963267948966</angle>\
             </robndbox></object>"
                .into(),
            Ok((None, whole)),
        ),
    ];
    for (text, expected) in cases {
        let good = object("cell", ["3", "3", "9", "9"]);
        let (labels, split) = one_xml(annotation(SIZE, &(text.clone() + &good)).as_bytes(), &["cell", "dot"]);
        let report = &split.report;
        match expected {
            Ok((kind, rect)) => {
                assert_eq!(labels.len(), 2, "{text}: {report:?}");
                let shift = if text.contains("polygon") || text.contains("robndbox") { 1.0 } else { 0.0 };
                let rect = [rect[0] - shift / 40.0, rect[1] - shift / 20.0, rect[2], rect[3]];
                assert!(close(labels[0].1, rect), "{text}: {labels:?} rather than {rect:?}");
                assert_eq!(report.messages.len(), usize::from(kind.is_some()), "{text}: {report:?}");
                assert!(kind.is_none_or(|kind| report.count(kind) == 1), "{text}: {report:?}");
            }
            Err((kind, why)) => {
                assert_eq!(labels.len(), 1, "{text}: {labels:?} {report:?}");
                assert_eq!(report.count(kind), 1, "{text}: {report:?}");
                let told = report.messages[0].to_string();
                assert!(told.contains(why) && told.ends_with("(object left out)"), "{text}: {told}");
            }
        }
    }
    let (labels, split) = one_xml(b"<annotations><image/></annotations>", &["cell"]);
    assert!(labels.is_empty() && split.report.messages[0].text.contains("<annotations>, not <annotation>"));
}

#[test]
fn a_size_that_is_not_the_image_s_is_told() {
    let size =
        |width: &str, height: &str| format!("<size><width>{width}</width><height>{height}</height></size>");
    let rect = |width: f64, height: f64| [14.0 / width, 9.0 / height, 20.0 / width, 10.0 / height];
    let cases = [
        (size("40", "20"), 0, rect(40.0, 20.0)),
        (size("", ""), 0, rect(40.0, 20.0)),
        ("<size/>".into(), 0, rect(40.0, 20.0)),
        (size("0", "0"), 0, rect(40.0, 20.0)),
        (size("wide", "20"), 1, rect(40.0, 20.0)),
        (size("80", "40"), 1, rect(80.0, 40.0)),
        (size("60", "20"), 1, rect(60.0, 20.0)),
        // Written the wrong way round, as the image has no note that it is turned.
        (size("20", "40"), 1, rect(40.0, 20.0)),
        // Too small for what is in it.
        (size("10", "10"), 1, rect(40.0, 20.0)),
    ];
    for (size, told, expected) in cases {
        let (labels, split) = one_xml(annotation(&size, &object("cell", BOX)).as_bytes(), &["cell"]);
        assert_eq!(split.report.count(TroubleKind::OtherSize), told, "{size}: {:?}", split.report);
        assert!(close(labels[0].1, expected), "{size}: {labels:?} rather than {expected:?}");
    }
}

/// A JPEG of 40 x 20 as stored, white where `x` < 10 and `y` < 5, with an EXIF orientation.
fn turned_jpeg(orientation: u8) -> Vec<u8> {
    let pixel = |at: usize| if at % 40 < 10 && at / 40 < 5 { [255_u8; 3] } else { [0; 3] };
    let rgb: Vec<u8> = (0..800).flat_map(pixel).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.jpg");
    Image { width: 40, height: 20, rgb }.write(&file).unwrap();
    let jpeg = fs::read(file).unwrap();
    let mut exif = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    [&jpeg[..2], &exif, &jpeg[2..]].concat()
}

#[test]
fn boxes_turn_with_an_image_that_was_annotated_as_stored() {
    let xml = annotation(SIZE, &object("cell", ["1", "1", "11", "6"]));
    let coco = json!({"images": [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 20}],
        "categories": [{"id": 1, "name": "cell"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 5]}]});
    for orientation in 5..=8 {
        let root = folder(&[
            ("JPEGImages/z.png", "40x20"),
            ("Annotations/a.xml", &xml),
            ("Annotations/b.xml", &xml),
            ("Annotations/z.xml", &sound()),
            ("ImageSets/Main/train.txt", "a\nb\nz"),
            ("ImageSets/Main/val.txt", "z"),
            ("c/instances.json", &coco.to_string()),
        ]);
        for name in ["JPEGImages/a.jpg", "JPEGImages/b.jpg", "c/a.jpg"] {
            put(root.path(), name, &turned_jpeg(orientation));
        }
        let train = split(root.path(), SplitName::Train).unwrap();
        assert_eq!(train.report.count(TroubleKind::Turned), 2, "{:?}", train.report);
        // Told once.
        assert_eq!(train.report.messages.len(), 1);
        assert!(train.report.messages[0].text.ends_with("(1 more alike)"));
        put(root.path(), "c/data.yaml", b"train: instances.json\nnames: [cell]");
        let coco = split(&root.path().join("c/data.yaml"), SplitName::Train).unwrap();
        for item in [&train.items[0], &train.items[1], &coco.items[0]] {
            let image = Image::read(&item.image).unwrap();
            assert_eq!((image.width, image.height), (20, 40));
            let [x, y, width, height] = item.labels[0].rect;
            assert!(close([width, height, 0.0, 0.0], [5.0 / 20.0, 10.0 / 40.0, 0.0, 0.0]), "{item:?}");
            let at = |x: f64, y: f64| image.pixels()[(y * 40.0) as usize * 20 + (x * 20.0) as usize][0];
            assert!(at(x, y) > 200, "{orientation}: {item:?}");
        }
    }
    // Annotated as it is shown: nothing to be done.
    let root = folder(&[("ImageSets/Main/train.txt", "a"), ("ImageSets/Main/val.txt", "a")]);
    let shown = xml.replace("<width>40", "<width>20").replace("<height>20", "<height>40");
    put(root.path(), "Annotations/a.xml", shown.as_bytes());
    put(root.path(), "JPEGImages/a.jpg", &turned_jpeg(6));
    let train = split(root.path(), SplitName::Train).unwrap();
    assert!(
        train.report.messages.is_empty() && close(train.items[0].labels[0].rect, [0.25, 0.0625, 0.5, 0.125])
    );
}

#[test]
fn layouts_of_other_tools_are_read() {
    let xml = sound();
    let xml = xml.as_str();
    let yaml = "train: images\nval: images\nnames: [dot, cell]\n";
    let cases: Vec<(&str, Files<'_>)> = vec![
        (
            "Kaggle",
            vec![
                ("images/a.png", "40x20"),
                ("images/b.png", "40x20"),
                ("annotations/a.xml", xml),
                ("annotations/b.xml", xml),
            ],
        ),
        (
            "Kaggle with its data.yaml",
            vec![("data.yaml", yaml), ("images/a.png", "40x20"), ("annotations/a.xml", xml)],
        ),
        (
            "in upper case",
            vec![
                ("Images/a.PNG", "40x20"),
                ("ANNOTATIONS/A.XML", xml),
                ("Images/b.PNG", "40x20"),
                ("ANNOTATIONS/b.XML", xml),
            ],
        ),
        (
            "Roboflow",
            vec![
                ("train/a.png", "40x20"),
                ("train/a.xml", xml),
                ("valid/b.png", "40x20"),
                ("valid/b.xml", xml),
            ],
        ),
        (
            "Roboflow with a data.yaml",
            vec![
                ("data.yaml", "train: train\nval: valid\nnames: [cell]"),
                ("train/a.png", "40x20"),
                ("train/a.xml", xml),
                ("valid/b.png", "40x20"),
                ("valid/b.xml", xml),
            ],
        ),
        (
            "folders of parts",
            vec![
                ("images/train/a.png", "40x20"),
                ("annotations/train/a.xml", xml),
                ("images/val/a.png", "40x20"),
                ("annotations/val/a.xml", xml),
            ],
        ),
        (
            "CVAT",
            vec![
                ("JPEGImages/a.png", "40x20"),
                ("JPEGImages/b.png", "40x20"),
                ("Annotations/a.xml", xml),
                ("Annotations/b.xml", xml),
                ("ImageSets/Main/default.txt", "a\nb"),
            ],
        ),
        (
            "trainval alone",
            vec![
                ("JPEGImages/a.png", "40x20"),
                ("JPEGImages/b.png", "40x20"),
                ("Annotations/a.xml", xml),
                ("Annotations/b.xml", xml),
                ("ImageSets/Main/trainval.txt", "a\nb"),
            ],
        ),
        (
            "trainval and val",
            vec![
                ("JPEGImages/a.png", "40x20"),
                ("JPEGImages/b.png", "40x20"),
                ("Annotations/a.xml", xml),
                ("Annotations/b.xml", xml),
                ("ImageSets/Main/trainval.txt", "a\nb"),
                ("ImageSets/Main/val.txt", "b"),
            ],
        ),
        (
            "files side by side",
            vec![("a.png", "40x20"), ("a.xml", xml), ("deep/b.PNG", "40x20"), ("deep/B.xml", xml)],
        ),
        (
            "in a folder of a folder",
            vec![
                ("x/VOCdevkit/VOC2007/JPEGImages/a.png", "40x20"),
                ("x/VOCdevkit/VOC2007/Annotations/a.xml", xml),
                ("x/VOCdevkit/VOC2007/ImageSets/Main/train.txt", "a"),
                ("x/VOCdevkit/VOC2007/ImageSets/Main/val.txt", "a"),
            ],
        ),
        (
            "named by a data.yaml",
            vec![
                ("data.yaml", "train: V\nval: V\nnames: [cell]"),
                ("V/JPEGImages/a.png", "40x20"),
                ("V/JPEGImages/b.png", "40x20"),
                ("V/Annotations/a.xml", xml),
                ("V/Annotations/b.xml", xml),
            ],
        ),
    ];
    for (what, files) in cases {
        let root = folder(&files);
        let dataset = Dataset::read(root.path()).unwrap_or_else(|error| panic!("{what}: {error}"));
        for which in [SplitName::Train, SplitName::Val] {
            let split = dataset.split(which, UNCACHED).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(split.items.len(), 1, "{what} {which}");
            assert!(split.items.iter().all(|item| item.labels.len() == 1), "{what} {which}: {split:?}");
            let name = &dataset.names[split.items[0].labels[0].class];
            assert_eq!(name, "cell", "{what}");
        }
    }
    let none = folder(&[("photos/a.png", "40x20"), ("notes.txt", "")]);
    let error = Dataset::read(none.path()).unwrap_err().to_string();
    for part in ["the folders photos, 1 .txt", "JPEGImages and Annotations", "data.yaml", "COCO"] {
        assert!(error.contains(part), "{error} lacks {part}");
    }
    let root = voc(&["a"], &[("train", "a"), ("val", "a")]);
    put(root.path(), "JPEGImages/b.heic", b"");
    put(root.path(), "JPEGImages/c.HEIC", b"");
    let notes = split(root.path(), SplitName::Train).unwrap().report.notes;
    assert!(
        notes.len() == 1 && notes[0].contains("not read as images") && notes[0].contains("heic"),
        "{notes:?}"
    );
    let root = voc(&["a"], &[("val", "a")]);
    let error = split(root.path(), SplitName::Train).unwrap_err().to_string();
    assert!(error.contains("has lists val, but none for train"), "{error}");
    let orphan = folder(&[
        ("images/a.png", "40x20"),
        ("images/c.png", "40x20"),
        ("annotations/a.xml", xml),
        ("annotations/b.xml", xml),
    ]);
    let notes = split(orphan.path(), SplitName::Train).unwrap().report.notes;
    assert!(notes.iter().any(|note| note.starts_with("1 XML file has no image")), "{notes:?}");
}

#[test]
fn a_set_without_lists_is_divided_by_names() {
    let names: Vec<String> = (0..60).map(|i| format!("n{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let parts = |names: &[&str], share: f64| {
        let root = voc(names, &[]);
        let dataset = Dataset::read(root.path()).unwrap();
        let part = |which| {
            let split = dataset.split(which, SplitOptions { share, ..UNCACHED }).unwrap();
            assert!(
                split.report.notes.iter().any(|note| note.contains("`split`")),
                "{:?}",
                split.report.notes
            );
            stems(&split)
        };
        (part(SplitName::Train), part(SplitName::Val))
    };
    let (train, val) = parts(&names, 0.8);
    assert_eq!(train.len() + val.len(), 60);
    assert!((5..20).contains(&val.len()) && val.iter().all(|name| !train.contains(name)));
    // More images move none.
    let more: Vec<String> = (0..20).map(|i| format!("more{i}")).collect();
    let all: Vec<&str> = names.iter().copied().chain(more.iter().map(String::as_str)).collect();
    let (_, with_more) = parts(&all, 0.8);
    assert!(val.iter().all(|name| with_more.contains(name)));
    assert_eq!(with_more.iter().filter(|name| name.starts_with('n')).count(), val.len());
    // Neither part is ever empty.
    for share in [0.001, 0.5, 0.999] {
        let (train, val) = parts(&names[..2], share);
        assert_eq!((train.len(), val.len()), (1, 1), "{share}");
    }
}

/// A COCO file of two images and four objects, all of them sound.
fn coco() -> Value {
    json!({
        "images": [
            {"id": 7, "file_name": "x.png", "width": 40, "height": 20},
            {"id": 9, "file_name": "y.png", "width": 40, "height": 20}],
        "categories": [{"id": 90, "name": "cell"}, {"id": 3, "name": "dot"}],
        "annotations": [
            {"image_id": 7, "category_id": 90, "bbox": [10, 5, 20, 10], "iscrowd": 0, "area": 200, "segmentation": []},
            {"image_id": 7, "category_id": 3, "bbox": [0, 0, 4, 2], "iscrowd": 0, "area": 8,
             "segmentation": [[0, 0, 4, 0, 4, 2]]},
            {"image_id": 9, "category_id": 90, "bbox": [30.5, 2.5, 4, 4], "iscrowd": 0, "area": 16}]})
}

const IMAGES: [(&str, &str); 2] = [("images/x.png", "40x20"), ("images/y.png", "40x20")];

/// What becomes of a COCO file.
fn of_coco(text: &str, names: &str) -> Result<Split, Error> {
    let yaml = format!("train: annotations/a.json\nnames: {names}");
    let root = folder(&[&IMAGES[..], &[("data.yaml", &yaml), ("annotations/a.json", text)]].concat());
    split(&root.path().join("data.yaml"), SplitName::Train)
}

/// Class, rectangle and points of each object, image by image.
fn labels(split: &Split) -> Vec<Vec<(usize, [f64; 4], usize)>> {
    let label = |label: &yolo_host::data::Label| (label.class, label.rect, label.segment.len());
    split.items.iter().map(|item| item.labels.iter().map(label).collect()).collect()
}

#[test]
fn coco_of_other_tools_is_read_as_it_was_meant() {
    let expected = labels(&of_coco(&coco().to_string(), "[dot, cell]").unwrap());
    assert_eq!(
        expected[0],
        [(1, [0.5, 0.5, 0.5, 0.5], 0), (0, [0.05, 0.05, 0.1, 0.1].map(|v| f64::from(v as f32)), 3)]
    );
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut json = coco();
        change(&mut json);
        json.to_string()
    };
    let text = coco().to_string();
    let cases = [
        (
            "ids as texts",
            text.replace("\"id\":7", "\"id\":\"7\"").replace("\"category_id\":90", "\"category_id\":\"90\""),
        ),
        (
            "ids as floats",
            text.replace("\"image_id\":7", "\"image_id\":7.0")
                .replace("\"category_id\":3", "\"category_id\":3.0"),
        ),
        ("ids that are words", text.replace("_id\":7", "_id\":\"ab\"").replace("\"id\":7", "\"id\":\"ab\"")),
        ("no crowd", text.replace("\"iscrowd\":0", "\"iscrowd\":null")),
        ("false crowd", text.replace("\"iscrowd\":0", "\"iscrowd\":false")),
        ("worded crowd", text.replace("\"iscrowd\":0", "\"iscrowd\":\"0\"")),
        ("NaN", text.replace("\"area\":200", "\"area\":NaN").replace("\"area\":8", "\"area\":-Infinity")),
        ("a mark before it", format!("\u{feff}{text}")),
        ("numbers as texts", text.replace("[10,5,20,10]", "[\"10\",\"5\",\"20.0\",\"10\"]")),
        ("no size", text.replace("\"height\":20,", "").replace("\"width\":40", "\"width\":null")),
        ("folders", text.replace("x.png", "some/where/x.png")),
        ("backslashes", text.replace("x.png", "C:\\\\data\\\\x.png")),
        ("an address", text.replace("x.png", "https://example.org/a/x.png?size=1")),
        ("a path", text.replace("x.png", "/home/me/x.png")),
        ("another case of the suffix", text.replace("x.png", "x.PNG")),
        ("a name in another case", text.replace("\"cell\"", "\"Cell \"")),
        (
            "run lengths",
            changed(&|json| {
                json["annotations"][0]["segmentation"] = json!({"counts": "abc", "size": [20, 40]})
            }),
        ),
        ("one outline without its list", text.replace("[[0,0,4,0,4,2]]", "[0,0,4,0,4,2]")),
        (
            "an image twice",
            changed(&|json| {
                json["images"][1]["file_name"] = "x.png".into();
                json["annotations"][2]["image_id"] = 7.into();
                let two = json!({"id": 1, "file_name": "y.png"});
                json["images"].as_array_mut().unwrap().push(two);
                json["annotations"][2]["image_id"] = 1.into();
            }),
        ),
    ];
    for (what, text) in cases {
        let split = of_coco(&text, "[dot, cell]").unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(labels(&split), expected, "{what}: {:?}", split.report);
        assert_eq!(split.report.messages, [], "{what}");
        let told = usize::from(what == "a name in another case");
        assert_eq!(split.report.notes.len(), told, "{what}: {:?}", split.report.notes);
    }
}

#[test]
fn what_coco_s_objects_are_left_out_for_is_counted_and_told() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str); 9] = [
        ("a crowd", |object| object["iscrowd"] = true.into(), "1 object that are crowds"),
        ("a crowd", |object| object["iscrowd"] = "1".into(), "1 object that are crowds"),
        ("an image", |object| object["image_id"] = 8.into(), "1 object of images that it does not list"),
        ("a category", |object| object["category_id"] = 8.into(), "1 object of category 8, not among its"),
        ("a category", |object| object["category_id"] = Value::Null, "1 object without `category_id`"),
        ("no width", |object| object["bbox"] = json!([1, 1, 0, 5]), "no width or height"),
        ("no box", |object| object["bbox"] = Value::Null, "without a `bbox` of four numbers"),
        ("a short box", |object| object["bbox"] = json!([1, 2, 3]), "without a `bbox` of four numbers"),
        ("words", |object| object["bbox"] = json!([1, 2, 3, "x"]), "without a `bbox` of four numbers"),
    ];
    for (what, change, expected) in cases {
        let mut json = coco();
        change(&mut json["annotations"][0]);
        let split = of_coco(&json.to_string(), "[dot, cell]").unwrap();
        assert_eq!(labels(&split).concat().len(), 2, "{what}");
        let notes = &split.report.notes;
        assert!(
            notes.len() == 1 && notes[0].contains(expected) && notes[0].contains("a.json"),
            "{what}: {notes:?}"
        );
    }
    let split = of_coco(&coco().to_string(), "[dot]").unwrap();
    let note = &split.report.notes[0];
    assert!(note.contains("2 objects of category 'cell', not among the names"), "{note}");
    let outside = coco().to_string().replace("[10,5,20,10]", "[-10,5,20,30]");
    let split = of_coco(&outside, "[dot, cell]").unwrap();
    assert_eq!(split.report.count(TroubleKind::Mended), 1, "{:?}", split.report);
    assert!(close(split.items[0].labels[0].rect, [0.125, 0.625, 0.25, 0.75]));
    // Without categories nothing says what a number means, but where there is one only.
    let mut json = coco();
    json.as_object_mut().unwrap().remove("categories");
    let error = of_coco(&json.to_string(), "[dot, cell]").unwrap_err().to_string();
    assert!(error.contains("has no `categories`") && error.contains("3, 90"), "{error}");
    json["annotations"].as_array_mut().unwrap().remove(1);
    let split = of_coco(&json.to_string(), "[cell]").unwrap();
    assert!(labels(&split).concat().len() == 2 && split.report.notes[0].contains("'cell', the only name"));
    let error = of_coco("[1, 2]", "[cell]").unwrap_err().to_string();
    assert!(error.contains("a.json") && error.contains("`images`, `annotations`"), "{error}");
    // A broken file is told with the place, also behind what is no JSON.
    let error = of_coco("{\"a\": NaN,\n\"images\": ]}", "[cell]").unwrap_err().to_string();
    assert!(error.contains("line 2 column 11"), "{error}");
}

#[test]
fn coco_without_a_data_yaml_is_read() {
    let text = coco().to_string();
    let text = text.as_str();
    let none = text
        .replace("\"cell\"", "\"cell\",\"supercategory\":\"things\"")
        .replace("[{\"id\":90", "[{\"id\":0,\"name\":\"things\"},{\"id\":90");
    let cases: [(&str, Files<'_>); 4] = [
        (
            "",
            vec![
                ("annotations/instances_train2017.json", text),
                ("annotations/instances_val2017.json", text),
                ("annotations/captions_val2017.json", "{}"),
            ],
        ),
        (
            "annotations/instances_train2017.json",
            vec![
                ("annotations/instances_train2017.json", text),
                ("annotations/instances_val2017.json", text),
            ],
        ),
        ("annotations/all.json", vec![("annotations/all.json", text)]),
        ("", vec![("images/_annotations.coco.json", &none)]),
    ];
    for (name, files) in cases {
        let root = folder(&[&IMAGES[..], &files].concat());
        let dataset =
            Dataset::read(&root.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(dataset.names, ["dot", "cell"]);
        let count = |which| dataset.split(which, UNCACHED).unwrap().items.len();
        let expected = if files.len() == 1 { (1, 1) } else { (2, 2) };
        assert_eq!((count(SplitName::Train), count(SplitName::Val)), expected, "{name}");
    }
    // The first image is not there: the folder is that of the others.
    let missing =
        folder(&[IMAGES[1], ("data.yaml", "train: a/a.json\nnames: [cell, dot]"), ("a/a.json", text)]);
    let split = split(&missing.path().join("data.yaml"), SplitName::Train).unwrap();
    assert_eq!((split.items.len(), split.report.corrupt), (1, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// However it is written, it is the same annotation.
    #[test]
    fn voc_means_the_same_however_it_is_written(
        encoding in prop::sample::select(vec!["UTF-8", "UTF-16", "UTF-16BE", "GB2312"]),
        ends in prop::sample::select(vec!["\n", "\r\n", "\r", ""]),
        space in "[ \t]{0,3}",
        suffix in prop::sample::select(vec!["xml", "XML", "Xml"]),
        image in prop::sample::select(vec!["png", "PNG"]),
        order in Just([0_usize, 1, 2, 3]).prop_shuffle(),
        first: bool,
        comma: bool,
        list in prop::sample::select(vec!["my x\nz", "my x.png\r\nz.png\r\n", "JPEGImages/my x\nz\n\n", "my x 1\nz -1"]),
    ) {
        let number = |text: &str| if comma { text.replace('.', ",") } else { text.to_owned() };
        let side = [("xmin", "5.5"), ("ymin", "5"), ("xmax", "25.25"), ("ymax", "15")];
        let sides: Vec<String> = order.iter().map(|&at| format!("<{0}>{space}{1}{space}</{0}>", side[at].0, number(side[at].1))).collect();
        let mut parts = [format!("<name>{space}猫{space}</name>"), format!("<bndbox>{ends}{}{ends}</bndbox>", sides.join(ends))];
        if first {
            parts.reverse();
        }
        let object = format!("<object>{space}{}{ends}</object>", parts.join(ends));
        let mut whole = [SIZE.to_owned(), object];
        if comma {
            whole.reverse();
        }
        let xml = encoded(&annotation(&whole.join(ends), ""), encoding);
        let root = folder(&[("JPEGImages/z.png", "40x20"), ("Annotations/z.xml", &sound()), ("ImageSets/Main/train.txt", list)]);
        put(root.path(), &format!("JPEGImages/my x.{image}"), b"40x20");
        put(root.path(), &format!("Annotations/my x.{suffix}"), &xml);
        put(root.path(), "data.yaml", "train: .\nnames: [cell, 猫]".as_bytes());
        let split = split(&root.path().join("data.yaml"), SplitName::Train).unwrap();
        let item = split.items.iter().find(|item| item.image.file_stem().unwrap() == "my x").unwrap();
        prop_assert_eq!(item.labels.len(), 1, "{:?}", split.report);
        prop_assert_eq!(item.labels[0].class, 1);
        prop_assert!(close(item.labels[0].rect, [14.375 / 40.0, 9.0 / 20.0, 19.75 / 40.0, 0.5]), "{:?}", item.labels);
    }

    /// However it is written, it holds the same objects.
    #[test]
    fn coco_means_the_same_however_it_is_written(
        ids in 0_usize..3, numbers in 0_usize..2, crowd in 0_usize..4, pretty: bool, mark: bool, wide: bool, nan: bool,
        keys in Just(["images", "annotations", "categories"]).prop_shuffle(), ends in prop::sample::select(vec!["\n", "\r\n"]),
    ) {
        let expected = labels(&of_coco(&coco().to_string(), "[dot, cell]").unwrap());
        let mut json = coco();
        let id = |value: &Value| match ids {
            0 => value.clone(),
            1 => value.to_string().into(),
            _ => value.as_f64().unwrap().into(),
        };
        for image in json["images"].as_array_mut().unwrap() {
            image["id"] = id(&image["id"]);
        }
        for object in json["annotations"].as_array_mut().unwrap() {
            object["image_id"] = id(&object["image_id"]);
            object["category_id"] = id(&object["category_id"]);
            object["iscrowd"] = [Value::Null, false.into(), 0.0.into(), "0".into()][crowd].clone();
            if numbers == 1 {
                let sides = object["bbox"].as_array_mut().unwrap();
                sides.iter_mut().for_each(|side| *side = side.to_string().into());
            }
        }
        let write = |value: &Value| if pretty { serde_json::to_string_pretty(value).unwrap() } else { value.to_string() };
        let parts: Vec<String> = keys.iter().map(|key| format!("\"{key}\": {}", write(&json[*key]))).collect();
        let extra = if nan { ", \"info\": {\"x\": [NaN, -Infinity, \"NaN \\\" Infinity\"]}" } else { "" };
        let text = format!("{}{{{}{extra}}}", if mark || wide { "\u{feff}" } else { "" }, parts.join(",\n")).replace('\n', ends);
        let root = folder(&[&IMAGES[..], &[("data.yaml", "train: a.json\nnames: [dot, cell]")]].concat());
        let bytes = if wide { text.encode_utf16().flat_map(u16::to_le_bytes).collect() } else { text.into_bytes() };
        fs::write(root.path().join("a.json"), bytes).unwrap();
        let split = split(&root.path().join("data.yaml"), SplitName::Train).unwrap();
        prop_assert_eq!(labels(&split), expected);
    }
}
