//! Datasets of every form: conversions and checks against the reference, and bad input.

use proptest::prelude::*;
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use yolo_host::data::{Dataset, Error, Item, Split, SplitName, SplitOptions, TroubleKind};
use yolo_host::image::Image;
use yolo_tests::{golden, report, root, shapes, shared};

fn cases(part: &str) -> Vec<Value> {
    let text = fs::read_to_string(golden("augment.json")).expect("goldens");
    let json: Value = serde_json::from_str(&text).expect("goldens");
    json[part].as_array().expect(part).clone()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|number| number.as_f64().expect("a number")).collect()
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().expect("rows").iter().map(floats).collect()
}

fn label_rows(item: &Item) -> Vec<Vec<f64>> {
    item.labels.iter().map(|label| [&[label.class as f64][..], &label.rect].concat()).collect()
}

/// A folder with these files; a name ending in `.png` gets a grey image of the size its content gives.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        match content.split_once('x').filter(|_| name.ends_with(".png")) {
            Some((width, height)) => {
                let (width, height) = (width.parse().expect("a width"), height.parse().expect("a height"));
                Image { width, height, rgb: vec![90; 3 * width * height] }.write(&path).expect("an image");
            }
            None => fs::write(&path, content).expect("a file"),
        }
    }
    root
}

fn split(root: &Path, options: SplitOptions<'_>) -> Result<Split, Error> {
    Dataset::read(&root.join("data.yaml"))?.split(SplitName::Train, options)
}

const UNCACHED: SplitOptions<'static> =
    SplitOptions { cache: false, single_cls: false, share: 0.9, progress: None };
const YAML: (&str, &str) = ("data.yaml", "train: images\nnames: [a, b, c]\n");

#[test]
fn voc_is_converted_as_upstream_s_script_does() {
    for case in cases("voc") {
        let xml = case["xml"].as_str().unwrap();
        let root = folder(&[
            ("data.yaml", &format!("train: VOC\nnames: {}\n", case["names"])),
            ("VOC/JPEGImages/x.png", "20x12"),
            ("VOC/Annotations/x.xml", xml),
            ("VOC/ImageSets/Main/train.txt", "x\n"),
        ]);
        let split = split(root.path(), UNCACHED).unwrap();
        assert_eq!(label_rows(&split.items[0]), rows(&case["rows"]), "{xml}");
    }
}

#[test]
fn label_files_are_checked_as_upstream_checks_them() {
    let mut failures = Vec::new();
    for case in cases("verify") {
        let text = case["text"].as_str().unwrap();
        // A second image with an object keeps the whole part from being broken.
        let files = [
            YAML,
            ("images/x.png", "20x12"),
            ("labels/x.txt", text),
            ("images/z.png", "20x12"),
            ("labels/z.txt", "0 0.5 0.5 0.5 0.5"),
        ];
        let split = split(folder(&files).path(), UNCACHED).unwrap();
        let report = &split.report;
        let ours = [report.found - 1, report.missing, report.empty, report.corrupt].map(|count| count as f64);
        let item = split.items.iter().find(|item| item.image.ends_with("x.png"));
        if case["labels"].is_null() {
            // Upstream leaves out the image. Here every row of these files is left out, and the image stays.
            let bad = text.lines().count();
            if ours != [1.0, 0.0, 1.0, 0.0] || report.objects_left_out() != bad {
                failures.push(format!("{text:?}: counts {ours:?}, {} left out", report.objects_left_out()));
            }
        } else if ours[..] != floats(&case["counts"])[..] {
            failures.push(format!("{text:?}: counts {ours:?} rather than {}", case["counts"]));
        }
        match (item, case["labels"].is_null()) {
            (Some(item), false) => {
                let (mut ours, mut reference) = (label_rows(item), rows(&case["labels"]));
                // The reference sorts rows once it has left one out.
                ours.sort_by(|a, b| a.partial_cmp(b).unwrap());
                reference.sort_by(|a, b| a.partial_cmp(b).unwrap());
                if ours != reference {
                    failures.push(format!("{text:?}: {ours:?} rather than {reference:?}"));
                }
                let outlines = item.labels.iter().filter(|label| !label.segment.is_empty());
                let outlines: Vec<Vec<Vec<f64>>> = outlines
                    .map(|label| label.segment.iter().map(|point| point.map(f64::from).to_vec()).collect())
                    .collect();
                let reference: Vec<_> = case["segments"].as_array().unwrap().iter().map(rows).collect();
                if outlines != reference {
                    failures.push(format!("{text:?}: outlines"));
                }
            }
            (Some(item), true) if item.labels.is_empty() => {}
            (item, _) => failures.push(format!("{text:?}: {item:?} rather than {}", case["labels"])),
        }
        if case["message"] == true && report.messages.is_empty() {
            failures.push(format!("{text:?}: no message"));
        }
    }
    report(failures);
}

#[test]
fn counts_of_real_datasets_match_upstream() {
    for case in cases("counts") {
        let (name, which) = (case["dataset"].as_str().unwrap(), case["split"].as_str().unwrap());
        let Some(path) = shared(&format!("data/{name}")) else { return };
        let place = match name {
            "bccd" => format!("ImageSets/Main/{which}.txt"),
            _ => "images/train2017".to_owned(),
        };
        // Names as the repository's own file has them.
        let text = fs::read_to_string(root().join(format!("data/{name}.yaml"))).unwrap();
        let names = &text[text.find("names:").unwrap()..];
        let yaml = format!("path: {}\n{which}: {place}\n{names}", path.display());
        let folder = folder(&[("data.yaml", &yaml)]);
        let dataset = Dataset::read(&folder.path().join("data.yaml")).unwrap();
        let which = [SplitName::Train, SplitName::Val, SplitName::Test]
            .into_iter()
            .find(|split| split.to_string() == which)
            .unwrap();
        let Split { items, report } = dataset.split(which, UNCACHED).unwrap();
        let counts = [report.found, report.missing, report.empty, report.corrupt].map(|count| count as f64);
        assert_eq!(counts[..], floats(&case["counts"])[..], "{name} {which}");
        let labels: Vec<_> = items.iter().flat_map(|item| &item.labels).collect();
        assert_eq!(labels.len() as u64, case["objects"].as_u64().unwrap(), "{name} {which}");
        for (class, count) in floats(&case["classes"]).into_iter().enumerate() {
            let ours = labels.iter().filter(|label| label.class == class).count();
            assert_eq!(ours as f64, count, "{name} {which} {}", dataset.names[class]);
        }
        for (axis, sum) in floats(&case["sums"]).into_iter().enumerate() {
            let ours: f64 = labels.iter().map(|label| label.rect[axis]).sum();
            assert!((ours - sum).abs() < 1e-10 * sum, "{name} {which}: {ours} rather than {sum}");
        }
    }
}

/// One image of two categories with a gap between their ids: a whole box, a crowd, an outline in two pieces, and
/// a box without width.
const COCO: &str = r#"{
  "images": [{"id": 7, "file_name": "x.png", "width": 40, "height": 20}, {"id": 9, "file_name": "y.png", "width": 40, "height": 20}],
  "categories": [{"id": 90, "name": "b"}, {"id": 3, "name": "a"}, {"id": 4, "name": "other"}],
  "annotations": [
    {"image_id": 7, "category_id": 90, "bbox": [10, 5, 20, 10], "iscrowd": 0, "segmentation": {"counts": [1, 2], "size": [20, 40]}},
    {"image_id": 7, "category_id": 90, "bbox": [0, 0, 40, 20], "iscrowd": 1},
    {"image_id": 7, "category_id": 4, "bbox": [0, 0, 4, 2]},
    {"image_id": 7, "category_id": 3, "bbox": [0, 0, 0, 2]},
    {"image_id": 7, "category_id": 3, "bbox": [0, 0, 20, 10],
     "segmentation": [[0, 0, 8, 0, 8, 4], [12, 4, 20, 4, 20, 10]]}]}"#;

#[test]
fn coco_is_read() {
    let files = [
        ("data.yaml", "train: annotations/instances_train2017.json\nnames: {0: a, 1: b}\nnc: 2\n"),
        ("annotations/instances_train2017.json", COCO),
        ("images/train2017/x.png", "40x20"),
        ("images/train2017/y.png", "40x20"),
    ];
    let split = split(folder(&files).path(), UNCACHED).unwrap();
    assert_eq!((split.report.found, split.report.missing), (1, 1));
    let item = &split.items[0];
    assert_eq!(item.size, (20, 40));
    assert_eq!(label_rows(item), [[1.0, 0.5, 0.5, 0.5, 0.5], [0.0, 0.25, 0.25, 0.5, 0.5]]);
    assert!(item.labels[0].segment.is_empty());
    // The second piece hangs on the nearest corner of the first.
    let pixels: Vec<_> =
        item.labels[1].segment.iter().map(|[x, y]| [(x * 40.0) as i32, (y * 20.0) as i32]).collect();
    assert_eq!(pixels, [[0, 0], [8, 0], [8, 4], [12, 4], [20, 4], [20, 10], [12, 4], [8, 4]]);
}

#[test]
fn places_may_be_folders_lists_globs_and_lists_of_these() {
    let files = [
        ("images/a/1.png", "20x20"),
        ("images/a/deep/2.png", "20x20"),
        ("images/b/3.png", "20x20"),
        ("labels/a/1.txt", "0 0.5 0.5 0.5 0.5"),
        ("labels/a/deep/2.txt", "1 0.5 0.5 0.5 0.5"),
        ("labels/b/3.txt", ""),
        ("list.txt", "./images/b/3.png\n./images/a/1.png\n\n"),
    ];
    let cases = [
        ("images", vec!["1", "2", "3"]),
        ("images/a", vec!["1", "2"]),
        ("list.txt", vec!["1", "3"]),
        ("images/*/*.png", vec!["1", "3"]),
        ("[images/a, list.txt]", vec!["1", "2", "3"]),
    ];
    for (place, expected) in cases {
        let root = folder(&files);
        fs::write(root.path().join("data.yaml"), format!("path: .\ntrain: {place}\nnames: [a, b]\n"))
            .unwrap();
        let items = split(root.path(), UNCACHED).unwrap().items;
        let names: Vec<_> =
            items.iter().map(|item| item.image.file_stem().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, expected, "{place}");
        assert!(
            items.iter().all(|item| item.image.ends_with("3.png") != (item.labels.len() == 1)),
            "{place}"
        );
    }
}

#[test]
fn a_bare_voc_folder_and_a_folder_of_them_are_datasets() {
    let root = tempfile::tempdir().unwrap();
    shapes::draw(&root.path().join("kit/VOC2007"), 1, 5, 2);
    shapes::draw(&root.path().join("kit/VOC2012"), 2, 4, 3);
    let one = Dataset::read(&root.path().join("kit/VOC2007")).unwrap();
    assert_eq!(one.names, shapes::NAMES);
    assert_eq!(one.split(SplitName::Train, UNCACHED).unwrap().items.len(), 5);
    let both = Dataset::read(&root.path().join("kit")).unwrap();
    assert_eq!(both.split(SplitName::Train, UNCACHED).unwrap().items.len(), 9);
    assert_eq!(both.split(SplitName::Val, UNCACHED).unwrap().items.len(), 5);
    assert!(matches!(both.split(SplitName::Test, UNCACHED), Err(Error::NoSplit { .. })));
}

#[test]
fn a_change_is_seen_through_the_cache() {
    let root = folder(&[YAML, ("images/x.png", "20x12"), ("labels/x.txt", "0 0.5 0.5 0.5 0.5")]);
    let cached = SplitOptions::default();
    let first = split(root.path(), cached).unwrap();
    let file = root.path().join("labels.train.cache.json");
    let kept = fs::read_to_string(&file).expect("a cache");
    assert_eq!(split(root.path(), cached).unwrap(), first);

    // What the cache holds is what comes out, until a file changes.
    fs::write(&file, kept.replace("[0,[0.5,0.5,0.5,0.5]", "[2,[0.5,0.5,0.5,0.5]")).unwrap();
    assert_eq!(split(root.path(), cached).unwrap().items[0].labels[0].class, 2);
    fs::write(root.path().join("labels/x.txt"), "1 0.5 0.5 0.5 0.25").unwrap();
    assert_eq!(split(root.path(), cached).unwrap().items[0].labels[0].class, 1);
    fs::write(&file, "{ broken").unwrap();
    assert_eq!(split(root.path(), cached).unwrap().items[0].labels[0].class, 1);
    let single = SplitOptions { single_cls: true, ..cached };
    assert_eq!(split(root.path(), single).unwrap().items[0].labels[0].class, 0);
}

#[test]
fn what_is_wrong_is_counted_and_told() {
    use TroubleKind::*;
    let good = ("labels/z.txt", "0 0.5 0.5 0.5 0.5");
    let (image, object, nothing) = ("(image left out)", "(object left out)", "");
    let cases = [
        ("20x12", "3 0.5 0.5 0.5 0.5", UnknownClass, object),
        ("20x12", "0.5 0.5 0.5 0.5 0.5", UnknownClass, object),
        ("20x12", "0 0.5 0.5 0.5", Columns, object),
        ("20x12", "0 0.5 0.5 1.5 0.5", OutOfRange, object),
        ("20x12", "0 0.5 0.5 inf 0.5", OutOfRange, object),
        ("20x12", "0 0.5 -0.5 0.5 0.5", Negative, object),
        ("20x12", "0 half 0.5 0.5 0.5", NotANumber, object),
        ("20x12", "0 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.5", Duplicate, object),
        ("20x12", "0 0.5 0.5 0.0 0.5", Degenerate, nothing),
        ("20x12", "0 0.5 0.5 0.5 0.5\0", BrokenLabels, image),
        ("20x9", "0 0.5 0.5 0.5 0.5", SmallImage, image),
        ("no image", "0 0.5 0.5 0.5 0.5", BrokenImage, image),
    ];
    for (size, text, kind, fate) in cases {
        let root =
            folder(&[YAML, ("images/x.png", size), ("labels/x.txt", text), ("images/z.png", "20x20"), good]);
        let Split { items, report } = split(root.path(), UNCACHED).unwrap();
        let corrupt = usize::from(fate == image);
        assert_eq!((report.count(kind), report.corrupt), (1, corrupt), "{text}: {:?}", report.messages);
        assert_eq!((items.len(), report.objects_left_out()), (2 - corrupt, usize::from(fate == object)));
        let message = report.messages[0].to_string();
        assert!(message.contains("x.png"), "{message}");
        assert!(message.ends_with(fate) && message.contains("left out") != fate.is_empty(), "{message}");
    }
}

#[test]
fn errors_name_the_file_and_the_mend() {
    let yaml = |text| vec![("data.yaml", text)];
    let broken = vec![YAML, ("images/x.png", "20x12"), ("labels/x.txt", "0 2 2 2 2")];
    let voc = "<annotation><object><name>a</name></object></annotation>";
    let cases = [
        (yaml("train: ["), "not YAML"),
        (yaml("- a\n- b"), "not a dataset"),
        (yaml("names: [a]"), "expected `train` and `val`"),
        (yaml("train: images"), "`names` is missing"),
        (yaml("train: images\nnames: []"), "`names` is empty"),
        (yaml("train: images\nnames: {1: a, 2: b}"), "from 0, 1, 2"),
        (yaml("train: images\nnames: [a]\nnc: 2"), "`nc` is 2, but `names` has 1"),
        (yaml("train: images\nnc: 99999999999"), "`nc` must be"),
        (yaml("train: {a: b}\nnames: [a]"), "`train` must be a path"),
        (yaml("val: images\nnames: [a]"), "names no images for train"),
        (yaml("train: images\nnames: [a]\ndownload: touch harm"), "`download` is never run"),
        (vec![YAML, ("images/note.txt", "")], "no images for train"),
        (vec![YAML, ("images/x.png", "20x12")], "none of the 1 images for train has labels"),
        (broken, "not one object for train can be used"),
        (vec![("data.yaml", "train: a.json\nnames: [a]"), ("a.json", "{")], "not COCO's JSON"),
        (vec![("data.yaml", "train: a.json\nnames: [z]"), ("a.json", COCO)], "none of its categories"),
        (vec![("data.yaml", "train: images/***\nnames: [z]")], "not a valid glob"),
        (
            vec![
                ("data.yaml", "train: V\nnames: [a]"),
                ("V/JPEGImages/x.png", "20x20"),
                ("V/Annotations/x.xml", voc),
                ("V/ImageSets/Main/train.txt", "x"),
            ],
            "has no <bndbox>",
        ),
    ];
    for (files, expected) in cases {
        let root = folder(&files);
        let error = split(root.path(), UNCACHED).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}\nlacks {expected}");
        assert!(!root.path().join("harm").exists() && !Path::new("harm").exists());
    }
    let error = Dataset::read(tempfile::tempdir().unwrap().path()).unwrap_err().to_string();
    assert!(error.contains("JPEGImages and Annotations"), "{error}");
    assert!(matches!(Dataset::read(Path::new("nowhere.yaml")), Err(Error::Read { .. })));
}

#[test]
fn the_repository_s_own_files_are_read() {
    let names = |file: &str| Dataset::read(&root().join("data").join(file)).unwrap().names;
    assert_eq!(names("bccd.yaml"), ["RBC", "WBC", "Platelets"]);
    assert_eq!(names("coco128.yaml").len(), 80);
    assert_eq!(names("voc2007.yaml").len(), 20);
}

#[test]
fn coco_s_own_validation_is_known() {
    let cases = [
        ("path: coco\ntrain: a.txt\nval: val2017.txt", true),
        ("train: a.txt\nval: ../coco/val2017.txt", true),
        ("train: a.txt\nval: annotations/instances_val2017.json", true),
        ("path: coco128\ntrain: a\nval: images/train2017", false),
        ("path: mycoco\ntrain: a.txt\nval: val2017.txt", false),
        ("train: coco/val2017.txt\nval: images", false),
    ];
    for (places, expected) in cases {
        let root = folder(&[("data.yaml", &format!("{places}\nnames: [a]\n"))]);
        assert_eq!(Dataset::read(&root.path().join("data.yaml")).unwrap().is_coco(), expected, "{places}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Real files with bytes changed, and anything at all, are read or refused.
    #[test]
    fn hostile_files_are_no_harm(kind in 0_usize..4, changes in prop::collection::vec((0_usize..2000, any::<u8>()), 0..12), noise in ".{0,40}", whole: bool) {
        let xml = "<a><size><width>20</width><height>12</height></size><object><name>a&amp;b</name><difficult>0</difficult><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object></a>";
        let mut texts = ["train: [images, VOC, a.json]\nnames: [a, b, c]\n", "0 0.5 0.5 0.5 0.5\n1 .1 .1 .1 .2 .3 .3 .1 .2\n", xml, COCO]
            .map(|text| text.as_bytes().to_vec());
        if whole {
            texts[kind] = noise.into_bytes();
        }
        let length = texts[kind].len().max(1);
        for (at, byte) in changes {
            if let Some(place) = texts[kind].get_mut(at % length) {
                *place = byte;
            }
        }
        let root = folder(&[("images/x.png", "20x12"), ("VOC/JPEGImages/x.png", "20x12"), ("VOC/ImageSets/Main/train.txt", "x"), ("labels/o", ""), ("VOC/Annotations/o", "")]);
        for (name, bytes) in ["data.yaml", "labels/x.txt", "VOC/Annotations/x.xml", "a.json"].iter().zip(&texts) {
            fs::write(root.path().join(name), bytes).unwrap();
        }
        for item in split(root.path(), UNCACHED).map(|split| split.items).unwrap_or_default() {
            prop_assert!(item.labels.iter().all(|label| label.rect.iter().all(|share| (0.0..=1.0).contains(share))));
        }
        let _ = Dataset::read(&root.path().join("VOC"));
    }
}
