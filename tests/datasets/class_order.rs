//! Names decide which class is which: in validation, in what a training takes of other weights, and in a resume.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use yolo_host::image::Image;
use yolo_host::model::{Model, Spec, State};
use yolo_host::random::Stream;
use yolo_host::train::{Finish, Hyper, Observer, Options, TrainingRun};
use yolo_host::weights;
use yolo_tests::runs::{Stop, options, resume, state};
use yolo_tests::{floats, registry, report, root, shapes, yolo};

const WEIGHTS: &str = "weights/bccd-yolov5n.safetensors";

/// Their classes.
const NAMES: [&str; 3] = ["RBC", "WBC", "Platelets"];

/// All orders of three.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// Exit code, standard output and standard error.
fn run(arguments: &[&str], paths: &[&Path]) -> (Option<i32>, String, String) {
    let output = yolo().args(arguments).args(paths).output().expect("yolo runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A dataset of noise and shapes, whose labels are what the weights find in it, by their numbers.
struct Found {
    folder: tempfile::TempDir,
    labels: BTreeMap<PathBuf, Vec<(usize, String)>>,
}

impl Found {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let images = folder.path().join("images");
        shapes::draw(folder.path(), 11, 6, 0);
        fs::rename(folder.path().join("JPEGImages"), &images).expect("a folder");
        let mut noise = Stream::keyed("class order");
        for i in 0..4 {
            let rgb = (0..3 * 96 * 96).map(|_| noise.below(256) as u8).collect();
            Image { width: 96, height: 96, rgb }
                .write(images.join(format!("noise{i}.png")))
                .expect("an image");
        }
        let detect = ["detect", "--weights", WEIGHTS, "--imgsz", "96", "--nosave", "--save-txt"];
        let limits = ["--conf-thres", "0.003", "--max-det", "12", "--name", "found", "--source"];
        let (code, _, errors) =
            run(&[&detect[..], &limits].concat(), &[&images, Path::new("--project"), folder.path()]);
        assert_eq!(code, Some(0), "{errors}");
        let mut labels = BTreeMap::new();
        for file in fs::read_dir(folder.path().join("found/labels")).expect("labels").flatten() {
            let text = fs::read_to_string(file.path()).expect("labels");
            let row = |line: &str| {
                let (class, rect) = line.split_once(' ').expect("a label");
                (class.parse().expect("a class"), rect.to_string())
            };
            labels.insert(PathBuf::from(file.file_name()), text.lines().map(row).collect::<Vec<_>>());
        }
        for class in 0..3 {
            let count = labels.values().flatten().filter(|(found, _)| *found == class).count();
            assert!(count > 1, "only {count} of class {class}: the others would say nothing");
        }
        Found { folder, labels }
    }

    /// Labels that these names have, in their order, and a data.yaml that tells them.
    fn write(&self, names: &[&str]) -> PathBuf {
        let labels = self.folder.path().join("labels");
        fs::create_dir_all(&labels).expect("a folder");
        let place =
            |class: usize| names.iter().position(|name| name.trim().eq_ignore_ascii_case(NAMES[class]));
        for (file, rows) in &self.labels {
            let row = |(class, rect): &(usize, String)| Some(format!("{} {rect}\n", place(*class)?));
            fs::write(labels.join(file), rows.iter().filter_map(row).collect::<String>()).expect("labels");
        }
        self.yaml(names)
    }

    fn yaml(&self, names: &[&str]) -> PathBuf {
        let file = self.folder.path().join("data.yaml");
        let text =
            format!("path: {}\ntrain: images\nval: images\nnames: {names:?}\n", self.folder.path().display());
        fs::write(&file, text).expect("a dataset");
        file
    }

    /// Rows of the table by their name, and standard error.
    fn val(&self, data: &Path, more: &[&str]) -> (BTreeMap<String, Vec<String>>, String) {
        let val = ["val", "--weights", WEIGHTS, "--imgsz", "96", "--nosave", "--conf-thres", "0.003"];
        let (code, table, errors) = run(&[&val[..], more].concat(), &[Path::new("--data"), data]);
        assert_eq!(code, Some(0), "{errors}");
        let row = |line: &str| {
            let mut words = line.split_whitespace().map(str::to_string);
            (words.next().unwrap_or_default(), words.collect())
        };
        (table.lines().skip(1).map(row).collect(), errors)
    }
}

#[test]
fn a_validation_is_the_same_in_every_order() {
    let found = Found::new();
    let (expected, errors) = found.val(&found.write(&NAMES), &[]);
    assert!(!errors.contains("by name") && !errors.contains("by number"), "{errors}");
    let map50 = |row: &[String]| row[4].parse::<f64>().expect("a number");
    assert!(map50(&expected["all"]) > 0.3, "{expected:?}");
    let mut failures = vec![];
    for order in ORDERS {
        let names = order.map(|class| NAMES[class]);
        let (rows, errors) = found.val(&found.write(&names), &[]);
        if rows != expected {
            failures.push(format!("{names:?}: {rows:?}, in the weights' order {expected:?}"));
        }
        if errors.contains("another order; they are matched by name") == (order == ORDERS[0]) {
            failures.push(format!("{names:?}: {errors}"));
        }
    }
    // Spaces and capitals make no other class.
    let (rows, _) = found.val(&found.write(&[" platelets", "rbc ", "Wbc"]), &[]);
    if rows["all"] != expected["all"] || rows["Wbc"] != expected["WBC"] {
        failures.push(format!("other capitals: {rows:?}"));
    }
    // With all classes as one, names do not matter.
    let single = |data: &Path| found.val(data, &["--single-cls"]).0;
    if single(&found.write(&["x", "y", "z"])) != single(&found.yaml(&["WBC", "RBC", "Platelets"])) {
        failures.push("--single-cls looks at names".into());
    }
    report(failures);
}

#[test]
fn files_of_a_validation_have_the_data_s_numbers() {
    let found = Found::new();
    let folder = found.folder.path();
    for (name, names) in [("same", NAMES), ("other", ["Platelets", "RBC", "WBC"])] {
        let project = folder.display().to_string();
        let data = found.write(&names);
        found.val(&data, &["--save-txt", "--save-json", "--project", &project, "--name", name]);
    }
    let new = |class: usize| (class + 1) % 3;
    let rows = |run: &str, new: &dyn Fn(usize) -> usize| {
        let mut rows = vec![];
        for file in fs::read_dir(folder.join(run).join("labels")).expect("labels").flatten() {
            let text = fs::read_to_string(file.path()).expect("labels");
            rows.extend(text.lines().map(|line| {
                let (class, rect) = line.split_once(' ').expect("a label");
                (file.file_name(), new(class.parse().expect("a class")), rect.to_string())
            }));
        }
        rows.sort();
        rows
    };
    assert!(rows("same", &new) == rows("other", &|class| class));
    let categories = |run: &str, new: &dyn Fn(usize) -> usize| {
        let text = fs::read(folder.join(run).join("bccd-yolov5n_predictions.json")).expect("results");
        let all: Vec<serde_json::Value> = serde_json::from_slice(&text).expect("JSON");
        let mut count = [0; 3];
        all.iter().for_each(|one| count[new(one["category_id"].as_u64().expect("a class") as usize)] += 1);
        count
    };
    assert_eq!(categories("same", &new), categories("other", &|class| class));
}

#[test]
fn a_part_of_the_classes_is_judged_and_the_rest_is_told() {
    let found = Found::new();
    let (expected, _) = found.val(&found.write(&NAMES), &[]);
    let data = found.write(&["Platelets", "Dog", "RBC"]);
    let file = found.labels.keys().next().expect("labels");
    let labels = found.folder.path().join("labels").join(file);
    let text = fs::read_to_string(&labels).expect("labels");
    fs::write(&labels, text + "1 0.5 0.5 0.9 0.9\n").expect("labels");
    let (rows, errors) = found.val(&data, &[]);
    for told in ["2 of the data's 3 classes", "never found: Dog", "1 others"] {
        assert!(errors.contains(told), "{told}: {errors}");
    }
    // Precision and recall are read off where all classes together are best; AP is each class's own, but for those of its
    // weakest detections that come among an image's 300 best when those of a class that nobody wants do not.
    for (name, column) in [("Platelets", 4), ("Platelets", 5), ("RBC", 4), ("RBC", 5)] {
        let [ours, whole] =
            [&rows, &expected].map(|rows| rows[name][column].parse::<f64>().expect("a number"));
        assert!((ours - whole).abs() < 5e-4 && whole > 0.05, "{name}: {ours}, with all classes {whole}");
    }
    assert_eq!(rows["Dog"][1..], ["1", "0.0000", "0.0000", "0.0000", "0.0000"].map(String::from));

    let val = ["val", "--weights", WEIGHTS, "--nosave", "--data"];
    let (code, _, errors) = run(&val, &[&found.yaml(&["cat", "dog", "bird"])]);
    assert_eq!(code, Some(1));
    for told in ["know none of the data's classes", "RBC, WBC, Platelets", "cat, dog, bird"] {
        assert!(errors.contains(told), "{told}: {errors}");
    }
    // Names that stand for numbers.
    let (rows, errors) = found.val(&found.yaml(&["class0", "class1", "class2"]), &[]);
    assert!(errors.contains("by number") && rows.contains_key("WBC"), "{errors} {rows:?}");
}

/// Hyperparameters of a first step that moves nothing.
fn still() -> Hyper {
    Hyper { warmup_bias_lr: 0.0, ..Hyper::default() }
}

/// Notes of a training, and its end after a batch.
#[derive(Default)]
struct Notes(Vec<String>);

impl Observer for Notes {
    fn note(&mut self, text: &str) {
        self.0.push(text.into());
    }

    fn stop(&self) -> bool {
        true
    }
}

/// Begins a training on data of these names; its head, and what it said.
fn begun(found: &Found, names: &[&str], weights: Option<&str>) -> (BTreeMap<String, Vec<f32>>, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let weights = weights.map(|weights| root().join(weights));
    let options = Options { weights, batch: 4, ..options(&found.write(names)) };
    let mut notes = Notes::default();
    let mut training =
        TrainingRun::new(options, still(), folder.path(), &mut registry(), &mut notes).expect("a training");
    assert_eq!(training.run(&mut notes).expect("a batch"), Finish::Stopped);
    let arrays = weights::read(&state(folder.path())).expect("a state").arrays;
    let head = arrays.iter().filter_map(|(name, array)| {
        let name = name.strip_prefix("weights/")?;
        name.starts_with("model.24.m.").then(|| (name.to_string(), floats(array)))
    });
    (head.collect(), notes.0)
}

/// The row of a class, or of a side of the box, of an anchor.
fn row(values: &[f32], nc: usize, anchor: usize, row: usize) -> &[f32] {
    let width = values.len() / (3 * (5 + nc));
    &values[(anchor * (5 + nc) + row) * width..][..width]
}

#[test]
fn a_training_takes_classes_by_name() {
    let found = Found::new();
    let source = weights::read(&root().join(WEIGHTS)).expect("weights").arrays;
    let mut failures = vec![];
    // The anchors are those of the model file.
    let cases: [(&[&str], &str, Option<&str>); 4] = [
        (&["RBC", "WBC", "Platelets"], "transferred 348 of 349", None),
        (&["Platelets", "RBC", "WBC"], "transferred 348 of 349", Some("head: 3 of 3 classes taken by name")),
        (
            &["WBC", "dog", "RBC"],
            "transferred 342 of 349",
            Some("head: 2 of 3 classes taken by name; fresh: dog"),
        ),
        (
            &["Platelets", "x", "y", "WBC", "z"],
            "transferred 342 of 349",
            Some("2 of 5 classes taken by name; fresh: x, y, z"),
        ),
    ];
    for (names, count, note) in cases {
        let (head, notes) = begun(&found, names, Some(WEIGHTS));
        let fresh = begun(&found, names, None).0;
        let said = notes.join("\n");
        let right = note.map_or(!said.contains("head:"), |note| said.contains(note));
        if !(said.contains(count) && right) {
            failures.push(format!("{names:?}: {said}"));
        }
        assert_eq!(head.len(), 6);
        for (tensor, values) in &head {
            let old = floats(&source[tensor]);
            for (anchor, at) in (0..3).flat_map(|anchor| (0..5 + names.len()).map(move |at| (anchor, at))) {
                let known = NAMES.iter().position(|name| at >= 5 && *name == names[at - 5]);
                let want = match (at < 5, known) {
                    (true, _) => row(&old, 3, anchor, at),
                    (false, Some(class)) => row(&old, 3, anchor, 5 + class),
                    (false, None) => row(&fresh[tensor], names.len(), anchor, at),
                };
                if row(values, names.len(), anchor, at) != want {
                    failures.push(format!("{names:?}: {tensor}, anchor {anchor}, row {at}"));
                }
            }
        }
    }
    // No name fits: as many classes as there are do not make them the same.
    let (head, notes) = begun(&found, &["cat", "dog", "bird"], Some(WEIGHTS));
    assert!(
        notes.iter().any(|note| note.contains("head: starts fresh") && note.contains("RBC, WBC")),
        "{notes:?}"
    );
    assert!(head == begun(&found, &["cat", "dog", "bird"], None).0, "the head is not fresh");
    // Without names only numbers are left.
    let (head, notes) = begun(&found, &["class0", "class1", "class2"], Some(WEIGHTS));
    assert!(notes.iter().any(|note| note.contains("taken by number")), "{notes:?}");
    assert!(head.iter().all(|(tensor, values)| *values == floats(&source[tensor])));
    report(failures);
}

#[test]
fn a_resume_keeps_the_order_that_it_began_with() {
    let found = Found::new();
    let run = |other: Option<&[&str]>| {
        let folder = tempfile::tempdir().expect("a folder");
        let options = options(&found.write(&NAMES));
        let mut stop = Stop(1, Default::default());
        let training = TrainingRun::new(options, Hyper::default(), folder.path(), &mut registry(), &mut stop);
        assert_eq!(training.expect("a run").run(&mut stop).expect("a run"), Finish::Stopped);
        other.map(|names| found.write(names));
        let mut notes = Go(vec![]);
        let resumed = resume(&state(folder.path()), None, &mut notes);
        let finished = resumed.and_then(|mut training| {
            assert_eq!(training.names(), NAMES);
            training.run(&mut notes)
        });
        let left = finished.map(|_| {
            let last = weights::read(&folder.path().join("weights/last.safetensors")).expect("weights");
            (
                last.arrays,
                last.meta.names,
                fs::read_to_string(folder.path().join("results.csv")).expect("results"),
            )
        });
        (left.map_err(|error| error.to_string()), notes.0.join("\n"))
    };
    let (expected, said) = run(None);
    assert!(!said.contains("order"), "{said}");
    for names in [["Platelets", "RBC", "WBC"], ["wbc", "platelets", "rbc"]] {
        let (left, said) = run(Some(&names));
        assert!(said.contains("in another order; the training keeps its own: RBC, WBC, Platelets"), "{said}");
        assert!(left == expected, "{names:?}: another result");
    }
    let names: [&[&str]; 3] = [&["RBC", "WBC", "dog"], &["RBC", "WBC"], &["RBC", "WBC", "Platelets", "dog"]];
    for names in names {
        let error = run(Some(names)).0.expect_err("other classes");
        let told = format!("was trained on the classes RBC, WBC, Platelets; {}", found.yaml(names).display());
        assert!(error.contains(&told) && error.contains(&names.join(", ")), "{error}");
    }
}

/// Notes of a training that goes on.
struct Go(Vec<String>);

impl Observer for Go {
    fn note(&mut self, text: &str) {
        self.0.push(text.into());
    }
}

/// The fresh head that the suite compares with is that of a model without weights.
#[test]
fn a_fresh_head_depends_on_the_seed_alone() {
    let found = Found::new();
    let spec =
        Spec::read(&root().join("models/yolov5n.yaml")).expect("a model").with_classes(3).expect("a model");
    let model = Model::build(spec, &registry()).expect("a model");
    let arrays = State::new(&model.graph, 3).to_arrays(&model.graph);
    for (tensor, values) in begun(&found, &NAMES, None).0 {
        assert!(values == floats(&arrays[&tensor]), "{tensor}");
    }
}
