//! Text of any origin, and datasets in YOLO's form as people bring them.

use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use yolo_host::data::{Dataset, Error, Split, SplitName, SplitOptions, TroubleKind};
use yolo_host::image::Image;
use yolo_host::model::Spec;
use yolo_host::train::Hyper;
use yolo_tests::root;

fn uncached() -> SplitOptions<'static> {
    SplitOptions { cache: false, ..SplitOptions::default() }
}

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
        Image { width: 20, height: 12, rgb: vec![90; 720] }.write(&path).unwrap();
    } else {
        fs::write(path, content).unwrap();
    }
}

fn train(data: &Path) -> Result<Split, Error> {
    Dataset::read(data)?.split(SplitName::Train, uncached())
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
        ("0,0,5,0,5,0,2,0,4", NotANumber, "write numbers with a point"),
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
fn what_rounding_put_out_of_the_image_is_put_back() {
    let (rows, messages) = labelled(b"1 1.0004 -0.0002 0.2 0.4\n1 1.01 0.5 0.2 0.4\n");
    assert_eq!(rows, [[1.0, 1.0, 0.0, 0.2, 0.4, 0.0]]);
    let kinds: Vec<TroubleKind> = messages.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [TroubleKind::Mended, TroubleKind::Mended, TroubleKind::OutOfRange], "{messages:?}");
    assert_eq!(messages[0].1, "line 1: the coordinate 1.0004 is taken as 1");
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

const BOX: &[u8] = b"0 .5 .5 .5 .5";

/// The folder of two images for training and one for validation, in folders of the parts within `images` and `labels`.
fn two_and_one(extra: &[(&str, &[u8])]) -> TempDir {
    let parts: &[(&str, &[u8])] = &[
        ("images/train/a.png", b""),
        ("images/train/b.png", b""),
        ("images/val/c.png", b""),
        ("labels/train/a.txt", BOX),
        ("labels/train/b.txt", BOX),
        ("labels/val/c.txt", BOX),
    ];
    folder(&[parts, extra].concat())
}

/// Runs `yolo` in a folder: exit code, standard output, standard error.
fn yolo(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_yolo-shipped")).args(args).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Names of the images of a part, with the number of their objects.
fn images(data: &Path, which: SplitName) -> (Vec<(String, usize)>, Vec<String>) {
    let dataset = Dataset::read(data).unwrap();
    let Split { items, report } = dataset.split(which, uncached()).unwrap_or_else(|error| panic!("{error}"));
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    let images = items.iter().map(|item| (name(&item.image), item.labels.len())).collect();
    assert_eq!(report.corrupt, 0, "{:?}", report.messages);
    (images, [dataset.notes, report.notes].concat())
}

fn named(names: &[&str]) -> Vec<(String, usize)> {
    names.iter().map(|name| (name.to_string(), 1)).collect()
}

#[test]
fn a_dataset_is_the_same_from_within_its_folder() {
    let files: &[(&str, &[u8])] = &[
        ("data.yaml", b"train: images/train\nval: images/val\nnames: [a]\n"),
        ("list.yaml", b"train: list.txt\nval: images/val\nnames: [a]\n"),
        ("list.txt", b"./images/train/a.png\nimages/train/b.png\n"),
        ("path.yaml", b"path: ./\ntrain: ./images/train\nval: ./images/val\nnames: [a]\n"),
    ];
    let root = two_and_one(files);
    for file in ["data.yaml", "list.yaml", "path.yaml", "./data.yaml"] {
        let (code, out, _) = yolo(root.path(), &["data", "check", file]);
        assert_eq!(code, Some(0), "{file}: {out}");
        assert!(
            out.contains("train: 2 images, 2 objects") && out.contains("val: 1 image, 1 object"),
            "{file}: {out}"
        );
    }
    // The labels of images right in a folder `images`, too.
    let flat = folder(&[
        ("d.yaml", b"train: images\nval: images\nnames: [a]\n"),
        ("images/a.png", b""),
        ("labels/a.txt", BOX),
    ]);
    let (code, out, _) = yolo(flat.path(), &["data", "check", "d.yaml"]);
    assert!(code == Some(0) && out.contains("train: 1 image, 1 object"), "{out}");
    assert_eq!(out.matches("train and val are the same images").count(), 1, "{out}");
}

#[test]
fn places_are_found_where_they_must_have_been_meant() {
    let roboflow = folder(&[
        (
            "set/data.yaml",
            b"train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnames: [a]\n",
        ),
        ("set/train/images/a.png", b""),
        ("set/train/labels/a.txt", BOX),
        ("set/valid/images/c.png", b""),
        ("set/valid/labels/c.txt", BOX),
    ]);
    let data = roboflow.path().join("set/data.yaml");
    let (found, notes) = images(&data, SplitName::Train);
    assert_eq!(found, named(&["a"]));
    assert!(notes.iter().any(|note| note.contains("write `train/images`")), "{notes:?}");
    assert_eq!(images(&data, SplitName::Val).0, named(&["c"]));
    let told = Dataset::read(&data).unwrap().split(SplitName::Test, uncached()).unwrap_err().to_string();
    for part in ["does not exist, though", "try without it", "train/, valid/, data.yaml"] {
        assert!(told.contains(part), "{told}\nlacks {part}");
    }
    // A part for validation under another name, or not named at all.
    for text in [
        "train: train/images\nval: val/images\nnames: [a]",
        "train: train/images\nnames: [a]",
        "train: train/images\nvalid: valid/images\nnames: [a]",
    ] {
        fs::write(&data, text).unwrap();
        let (found, notes) = images(&data, SplitName::Val);
        assert_eq!((found, notes.len()), (named(&["c"]), 1), "{text}: {notes:?}");
    }
    // A folder of another machine, and another system's slashes.
    for text in ["path: /nowhere/set\ntrain: train/images\nnames: [a]", "train: .\\train\\images\nnames: [a]"]
    {
        fs::write(&data, text).unwrap();
        assert_eq!(images(&data, SplitName::Train).0, named(&["a"]), "{text}");
    }
}

#[test]
fn lists_are_read_as_people_write_them() {
    let extra: &[(&str, &[u8])] = &[
        ("data.yaml", b"train: list.txt\nnames: [a]\n"),
        ("images/train/my image (1).png", b""),
        ("labels/train/my image (1).txt", BOX),
    ];
    let root = two_and_one(extra);
    let list = "images\\train\\a.png\r\n\"images/train/my image (1).png\"\r\n.\\images\\train\\b.png\r\n\r\nimages/clip.mp4\r\nx.heic\r\n";
    for bytes in [list.as_bytes().to_vec(), utf16(list, true, true)] {
        fs::write(root.path().join("list.txt"), bytes).unwrap();
        let (found, notes) = images(&root.path().join("data.yaml"), SplitName::Train);
        assert_eq!(found, named(&["a", "b", "my image (1)"]));
        assert!(
            notes.iter().any(|note| note.contains("not read as images: 1 .heic, 1 .mp4 (as ")),
            "{notes:?}"
        );
    }
}

#[test]
fn nothing_in_a_dataset_is_passed_over_in_silence() {
    let yaml = b"train: images/train\nval: images/val\nname: [a]\nnames: [a, b, a]\nnumber: 3\nkpt_shape: [17, 3]\nroboflow: {version: 1}\ndownload: x\n";
    let extra: &[(&str, &[u8])] = &[
        ("data.yaml", yaml),
        ("images/train/d.heic", b"x"),
        ("images/train/e.HEIC", b"x"),
        ("images/train/clip.mp4", b"x"),
        ("images/train/note", b"x"),
        ("images/train/Thumbs.db", b"x"),
        ("labels/train/d.txt", BOX),
        ("labels/train/classes.txt", b"a"),
        ("images/train/f.png", b""),
    ];
    let root = two_and_one(extra);
    let data = root.path().join("data.yaml");
    let dataset = Dataset::read(&data).unwrap();
    for (note, want) in dataset.notes.iter().zip([
        "`name` is not known and has no effect; is `names` meant?",
        "`number`",
        "key points are not learned",
        "the name 'a' stands for the classes 0 and 2",
    ]) {
        assert!(note.contains(want), "{note}\nlacks {want}");
    }
    assert_eq!(dataset.notes.len(), 4, "{:?}", dataset.notes);
    let report = dataset.split(SplitName::Train, uncached()).unwrap().report;
    let wanted = ["1 without suffix, 2 .heic, 1 .mp4 (as 'clip.mp4')", "1 label file in "];
    for want in wanted {
        assert!(report.notes.iter().any(|note| note.contains(want)), "{:?}\nlacks {want}", report.notes);
    }
    assert_eq!((report.notes.len(), report.missing), (2, 1), "{:?}", report.notes);
    // What is found in the description and the folders is told where a command reads them.
    let (code, out, _) = yolo(root.path(), &["data", "check", "data.yaml"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(wanted.iter().all(|want| out.contains(want)) && out.contains("is `names` meant?"), "{out}");
    assert!(out.contains("1 image without objects, 1 of them without labels"), "{out}");
}

#[test]
fn labels_are_found_in_upper_case_and_beside_the_images() {
    for files in [
        [("Images/a.png", &b""[..]), ("Labels/a.txt", BOX)],
        [("images/a.png", b""), ("labels/a.TXT", BOX)],
        [("images/a.PNG", b""), ("images/a.txt", BOX)],
        [("obj_train_data/a.png", b""), ("obj_train_data/a.txt", BOX)],
    ] {
        let place = files[0].0.split('/').next().unwrap();
        let yaml = format!("train: {place}\nnames: [a]\n");
        let root = folder(&[files.as_slice(), &[("data.yaml", yaml.as_bytes())]].concat());
        if files[0].0.ends_with("PNG") {
            fs::rename(root.path().join(files[0].0), root.path().join("x")).unwrap();
            Image { width: 20, height: 12, rgb: vec![90; 720] }.write(root.path().join("x.png")).unwrap();
            fs::rename(root.path().join("x.png"), root.path().join(files[0].0)).unwrap();
        }
        assert_eq!(images(&root.path().join("data.yaml"), SplitName::Train).0, named(&["a"]), "{files:?}");
    }
}

#[test]
fn folders_without_a_data_yaml_are_read() {
    let names: (&str, &[u8]) = ("classes.txt", b"a\r\nb\r\n");
    let root = two_and_one(&[names]);
    assert_eq!(Dataset::read(root.path()).unwrap().names, ["a", "b"]);
    assert_eq!(images(root.path(), SplitName::Train).0, named(&["a", "b"]));
    assert_eq!(images(root.path(), SplitName::Val).0, named(&["c"]));
    let parts = folder(&[
        ("train/images/a.png", b""),
        ("train/labels/a.txt", BOX),
        ("valid/images/c.png", b""),
        ("valid/labels/c.txt", BOX),
        ("obj.names", b"a"),
    ]);
    assert_eq!(images(parts.path(), SplitName::Train).0, named(&["a"]));
    assert_eq!(images(parts.path(), SplitName::Val).0, named(&["c"]));
    // Without parts they are divided, and that is told.
    let flat = folder(&[("a.png", b""), ("a.txt", BOX), ("b.png", b""), ("b.txt", BOX), names]);
    let (train, notes) = images(flat.path(), SplitName::Train);
    let (val, _) = images(flat.path(), SplitName::Val);
    assert_eq!((train.len(), val.len()), (1, 1));
    assert!(notes.iter().any(|note| note.contains("`split`")), "{notes:?}");
    // A description that is there is used, whatever it is called.
    let other = two_and_one(&[("mine.yml", b"train: images/train\nval: images/val\nnames: [z]\n")]);
    assert_eq!(Dataset::read(other.path()).unwrap().names, ["z"]);
    let told = |root: TempDir| Dataset::read(root.path()).unwrap_err().to_string();
    assert!(told(two_and_one(&[])).contains("add a file classes.txt"));
    let two: &[(&str, &[u8])] = &[("x.yaml", b"train: a\nnames: [a]"), ("y.yaml", b"train: a\nnames: [a]")];
    let told_two = told(two_and_one(two));
    assert!(told_two.contains("give one of") && told_two.contains("x.yaml"), "{told_two}");
    let none = told(folder(&[("photos/x.heic", b"x"), ("readme.md", b"x")]));
    assert!(none.contains("it holds the folders photos, 1 .md; expected a data.yaml"), "{none}");
}

#[test]
fn names_may_be_a_map_of_texts_or_a_file() {
    for (names, want) in
        [("names: {'0': a, '1': b}", vec!["a", "b"]), ("names: classes.txt", vec!["x", "y z"])]
    {
        let yaml = format!("train: images/train\n{names}\n");
        let root = two_and_one(&[("data.yaml", yaml.as_bytes()), ("classes.txt", b"x\n y z\n\n")]);
        assert_eq!(Dataset::read(&root.path().join("data.yaml")).unwrap().names, want);
    }
    for (text, want) in [
        ("PK\u{3}\u{4}x", "a ZIP archive: unpack it"),
        ("Train: x\nnames: [a]", "expected `train` and `val` (the key `Train` is not known)"),
        ("train: x\nclasses: [a]", "(the key `classes` is not known)"),
        ("train: x\nnames: no.txt", "or a file: cannot read"),
    ] {
        let root = folder(&[("data.yaml", text.as_bytes())]);
        let told = Dataset::read(&root.path().join("data.yaml")).unwrap_err().to_string();
        assert!(told.contains(want), "{told}");
    }
}

#[test]
fn a_check_prints_everything_and_its_exit_code_says_whether_something_is_left_out() {
    let bad = "5 .5 .5 .5 .5\n".repeat(15) + "0 .5 .5 .5 .5\n1 .5 .5\n";
    let yaml: (&str, &[u8]) = ("data.yaml", b"train: images/train\nval: images/val\nnames: [a, b]\n");
    let root = two_and_one(&[yaml, ("images/train/x.png", b""), ("labels/train/x.txt", bad.as_bytes())]);
    let (code, out, _) = yolo(root.path(), &["data", "check", "data.yaml"]);
    assert_eq!(code, Some(1), "{out}");
    for want in [
        "2 classes: 0 a, 1 b",
        "train: 3 images, 3 objects",
        "      3 a",
        "      0 b",
        "     15 objects of a class beyond the names (object left out)",
        "line 15: class 5",
        "line 17: 3 columns",
        "val: 1 image, 1 object",
    ] {
        assert!(out.contains(want), "{out}\nlacks {want}");
    }
    assert_eq!(out.matches("line ").count(), 16, "{out}");
    let (code, out, _) = yolo(root.path(), &["data", "check", "data.yaml", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let train = &json["splits"]["train"];
    assert_eq!((code, train["objects_by_class"].to_string()), (Some(1), "[3,0]".to_string()));
    assert_eq!(train["objects_left_out"], 16);
    assert!(!root.path().join("labels/train.train.cache.json").exists());
    // A part that cannot be read is an error of its own.
    fs::remove_dir_all(root.path().join("images/val")).unwrap();
    let (code, out, _) = yolo(root.path(), &["data", "check", "data.yaml"]);
    assert!(code == Some(1) && out.contains("val: error: ") && out.contains("train: 3 images"), "{out}");
    let (code, _, error) = yolo(root.path(), &["data", "check", "nowhere.yaml"]);
    assert!(code == Some(1) && error.contains("nowhere.yaml"), "{error}");
}

fn utf16(text: &str, mark: bool, little: bool) -> Vec<u8> {
    let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
    units.flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

/// A text as an editor saves it.
fn encoded(text: &str, encoding: usize, ends: usize) -> Vec<u8> {
    let text = text.replace('\n', ["\n", "\r\n", "\r"][ends]);
    match encoding {
        0 => text.into_bytes(),
        1 => format!("\u{feff}{text}").into_bytes(),
        2 => utf16(&text, true, true),
        3 => utf16(&text, true, false),
        _ => utf16(&text, false, true),
    }
}

#[test]
fn model_files_and_hyperparameters_are_read_whatever_they_are_saved_as() {
    let model = fs::read_to_string(root().join("models/yolov5n.yaml")).unwrap();
    let parsed = Spec::parse(&model, "x").unwrap();
    let hyper = "lr0: 0.02 # \u{732b}\nmosaic: 0.5\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.yaml");
    for (encoding, ends) in (0..5).flat_map(|encoding| (0..3).map(move |ends| (encoding, ends))) {
        fs::write(&path, encoded(&model, encoding, ends)).unwrap();
        let read = Spec::read(&path).unwrap();
        assert_eq!((read.rows, read.text), (parsed.rows.clone(), parsed.text.clone()), "{encoding} {ends}");
        fs::write(&path, encoded(hyper, encoding, ends)).unwrap();
        let read = Hyper::read(&path).unwrap();
        assert_eq!((read.lr0, read.mosaic), (0.02, 0.5), "{encoding} {ends}");
    }
}

#[test]
fn text_that_is_not_utf_8_is_told_by_file_and_line_wherever_it_is_read() {
    // Of a text saved as GBK.
    let bad = b"# x\n# \xc3\xa8\xd0\xd0\xc8\xcb\n";
    let saved = folder(&[("x.yaml", bad)]);
    let path = saved.path().join("x.yaml");
    let listed = folder(&[("data.yaml", b"train: list.txt\nnames: [a]\n"), ("list.txt", bad)]);
    let list = listed.path().join("data.yaml");
    let told = [
        (Spec::read(&path).unwrap_err().to_string(), "x.yaml"),
        (Hyper::read(&path).unwrap_err().to_string(), "x.yaml"),
        (Dataset::read(&path).unwrap_err().to_string(), "x.yaml"),
        (train(&list).unwrap_err().to_string(), "list.txt"),
    ];
    for (told, file) in told {
        let want = format!("{file}', line 2: not UTF-8 (byte 0xD0); save the file as UTF-8");
        assert!(told.ends_with(&want), "{told}\nlacks {want}");
    }
    let (rows, messages) = labelled(b"0 .5 .5 .5 .5\n0 .5 .5 .5 .\xd0\n");
    assert_eq!((rows.len(), messages.len(), messages[0].0), (0, 1, TroubleKind::BrokenLabels));
    assert!(messages[0].1.contains("x.txt', line 2: not UTF-8 (byte 0xD0)"), "{messages:?}");
}

/// Thousandths as a number in one of the ways to write it.
fn number(thousandths: u32, style: usize) -> String {
    let plain = format!("{:.3}", f64::from(thousandths) / 1000.0);
    match style {
        0 => plain,
        1 => plain.trim_start_matches('0').to_owned(),
        2 => format!("{thousandths}e-3"),
        3 => format!("+{plain}"),
        _ => plain.replace('.', ","),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// A dataset is the same however it is written, or what is not understood is told by its line.
    #[test]
    fn a_dataset_is_the_same_however_it_is_written(
        objects in prop::collection::vec((0_u32..2, prop::sample::select(vec![4_usize, 6, 8, 10]).prop_flat_map(|length| prop::collection::vec(1_u32..1000, length))), 1..5),
        (encoding, ends, yaml_encoding, yaml_ends) in (0_usize..5, 0_usize..3, 0_usize..5, 0_usize..3),
        (separator, style, class_style, quoted) in (0_usize..6, 0_usize..5, 0_usize..2, any::<bool>()),
        (upper_label, names_style, blank) in (any::<bool>(), 0_usize..4, any::<bool>()),
        order in Just(vec![0, 1, 2, 3]).prop_shuffle(),
    ) {
        let line = |separator: &str, style: usize, class_style: usize, (class, numbers): &(u32, Vec<u32>)| {
            let class = if class_style == 0 { class.to_string() } else { format!("{class}.0") };
            let numbers = numbers.iter().map(|value| number(*value, style));
            [class].into_iter().chain(numbers).collect::<Vec<_>>().join(separator)
        };
        let plain: String = objects.iter().map(|object| line(" ", 0, 0, object) + "\n").collect();
        // A row that is there twice is another matter.
        prop_assume!(plain.lines().collect::<std::collections::HashSet<_>>().len() == objects.len());
        let separator = [" ", "\t", "  \t ", ",", ", ", ";"][separator];
        let changed: String = objects.iter().map(|object| {
            let text = line(separator, style, class_style, object);
            let text = if quoted { format!("\"{text}\"") } else { text };
            format!("{text}{}\n", if blank { "  \n\t" } else { "" })
        }).collect();
        let names = ["names: [a, b]\n", "names:\n  - a\n  - 'b'\n", "names: {1: b, 0: a}\n", "names:\n  0: \"a\"\n  1: b\n"][names_style];
        let keys = ["path: .\n", "train: images\n", names, "nc: 2 # two\n"];
        let yaml: String = order.iter().map(|key| keys[*key]).collect();

        let root = folder(&[("images/x.png", b""), ("labels/x.txt", plain.as_bytes()), ("data.yaml", b"train: images\nnames: [a, b]\n")]);
        let data = root.path().join("data.yaml");
        let expected = train(&data).unwrap();
        fs::write(&data, encoded(&yaml, yaml_encoding, yaml_ends)).unwrap();
        fs::remove_file(root.path().join("labels/x.txt")).unwrap();
        add(root.path(), if upper_label { "labels/x.TXT" } else { "labels/x.txt" }, &encoded(&changed, encoding, ends));
        prop_assert_eq!(Dataset::read(&data).unwrap().names, ["a", "b"]);
        match train(&data) {
            Ok(split) if split.report.messages == expected.report.messages => prop_assert_eq!(split.items, expected.items),
            Ok(split) => {
                let told = split.report.messages.iter().filter(|trouble| trouble.text.starts_with("line ")).count();
                prop_assert_eq!(told + split.items[0].labels.len(), objects.len(), "{}", changed);
                prop_assert!(split.items[0].labels.iter().all(|label| expected.items[0].labels.contains(label)), "{}", changed);
            }
            Err(error) => prop_assert!(error.to_string().contains("x.png: line 1: "), "{}\n{}", changed, error),
        }
        // Only numbers with commas between commas are not understood.
        let ambiguous = style == 4 && separator == ",";
        prop_assert_eq!(train(&data).is_err(), ambiguous, "{}", changed);
    }
}
