//! What can go wrong around a training: nothing is lost, the exit code is 1, and the error names the file and what is
//! wrong.

use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use yolo_host::data::Cache;
use yolo_host::image::Image;
use yolo_host::train::{EpochReport, Finish, Hyper, Observer, Options, TrainingRun};
use yolo_host::weights::{self, Checkpoint, Data};
use yolo_tests::runs::{drawn, edit, options, set, state, stopped};
use yolo_tests::{registry, report, root, yolo};

/// Does something once so many epochs are over.
struct After<F>(usize, F);

impl<F: Fn()> Observer for After<F> {
    fn epoch(&mut self, report: &EpochReport) {
        if report.row.epoch + 1 == self.0 {
            (self.1)();
        }
    }
}

/// Name and bytes of every file of a run.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for part in [folder.to_path_buf(), folder.join("weights")] {
        let files = fs::read_dir(part).unwrap().map(|entry| entry.unwrap().path());
        all.extend(files.filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(&path).unwrap())));
    }
    all.sort();
    all
}

/// What a finished run of the command leaves that does not tell time.
fn outcome(folder: &Path) -> (String, Vec<u8>) {
    let results = fs::read_to_string(folder.join("results.csv")).unwrap();
    (results, fs::read(folder.join("weights/last.safetensors")).unwrap())
}

/// Runs to the end, well or not: the exit code, and what stands on standard error.
fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn resume(folder: &Path) -> (Option<i32>, String) {
    run(yolo().args(["train", "--resume"]).arg(folder))
}

#[cfg(unix)]
#[test]
fn a_full_disk_costs_nothing_that_was_written() {
    let data = drawn();
    let (whole, parts) = (stopped(data.path()), stopped(data.path()));
    assert_eq!(resume(whole.path()).0, Some(0));
    let before = contents(parts.path());
    // No file may grow beyond so many blocks: as on a full disk, a write fails halfway.
    for blocks in [1, 2000, 12_000] {
        let program = yolo();
        let shell = format!("ulimit -f {blocks} && trap '' XFSZ && exec \"$@\"");
        let mut limited = Command::new("sh");
        limited.args(["-c", &shell, "sh"]).arg(program.get_program()).current_dir(root());
        let (code, error) = run(limited.args(["train", "--resume"]).arg(parts.path()));
        assert_eq!(code, Some(1), "{blocks}: {error}");
        let last = error.lines().last().unwrap();
        assert!(last.starts_with("error: ") && last.contains(parts.path().to_str().unwrap()), "{error}");
        let now = contents(parts.path());
        // Each run adds its own file of events.
        let names = |files: &[(PathBuf, Vec<u8>)]| -> Vec<PathBuf> {
            let names = files.iter().map(|(path, _)| path.clone());
            names.filter(|path| !path.to_string_lossy().contains("events.out")).collect()
        };
        assert_eq!(names(&now), names(&before), "{blocks}: no half files");
        for file in [state(parts.path()), parts.path().join("weights/best.safetensors")] {
            assert!(weights::read(&file).is_ok(), "{blocks}: {} is broken", file.display());
        }
        let of_state = |files: &[(PathBuf, Vec<u8>)]| {
            files.iter().find(|(path, _)| *path == state(parts.path())).map(|(_, bytes)| bytes.clone())
        };
        assert!(of_state(&now) == of_state(&before), "{blocks}: another state");
    }
    assert_eq!(resume(parts.path()).0, Some(0));
    assert!(outcome(parts.path()) == outcome(whole.path()), "another result than without the failures");
}

#[test]
fn results_that_cannot_be_written_are_told_before_the_work() {
    let data = drawn();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    fs::create_dir_all(folder.path().join("taken/results.csv")).unwrap();
    fs::create_dir_all(folder.path().join("held")).unwrap();
    fs::write(folder.path().join("held/weights"), "in the way").unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut cases = vec![
        (file.clone(), "exp", file.clone()),
        (folder.path().into(), "file", file.clone()),
        (folder.path().into(), "taken", path("taken/results.csv")),
        (folder.path().into(), "held", path("held")),
    ];
    if cfg!(target_os = "linux") {
        // Where nobody can make a folder, not even root.
        cases.push(("/proc/runs".into(), "exp", "/proc/runs".into()));
    }
    let mut failures = Vec::new();
    for (project, name, told) in cases {
        let mut command = train(data.path(), &project, &[]);
        let (code, error) = run(command.args(["--name", name, "--exist-ok"]));
        if code != Some(1) || !error.contains(told.to_str().unwrap()) {
            failures.push(format!("{}/{name}: {code:?} {error}", project.display()));
        }
        if error.contains("1/1") {
            failures.push(format!("{}/{name}: trained first: {error}", project.display()));
        }
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "in the way");
    report(failures);
}

#[test]
fn images_that_go_during_a_training_are_named_and_nothing_is_lost() {
    let data = drawn();
    let whole = stopped(data.path());
    assert_eq!(resume(whole.path()).0, Some(0));
    for name in ["train0003", "val0001"] {
        let folder = tempfile::tempdir().unwrap();
        let image = data.path().join(format!("JPEGImages/{name}.png"));
        let away = data.path().join("away");
        let mut watch = After(1, || fs::rename(&image, &away).unwrap());
        let mut training = TrainingRun::new(
            options(data.path()),
            Hyper::default(),
            folder.path(),
            &mut registry(),
            &mut watch,
        )
        .unwrap();
        let error = training.run(&mut watch).unwrap_err().to_string();
        assert!(error.contains(image.to_str().unwrap()), "{error}");
        if name.starts_with("train") {
            let (code, error) = resume(folder.path());
            assert_eq!(code, Some(1), "{error}");
            assert!(error.contains("was trained on 10 images") && error.contains("now has 9"), "{error}");
        }
        fs::rename(&away, &image).unwrap();
        let (code, error) = resume(folder.path());
        assert_eq!(code, Some(0), "{error}");
        assert!(outcome(folder.path()) == outcome(whole.path()), "{name}: another result");
    }
}

#[test]
fn images_that_change_their_size_during_a_training_do_no_harm() {
    for (rect, cache) in [(false, Cache::None), (true, Cache::None), (false, Cache::Disk)] {
        let data = drawn();
        let folder = tempfile::tempdir().unwrap();
        let replace = |name: &str, width: usize, height: usize| {
            let image = Image { width, height, rgb: vec![90; 3 * width * height] };
            image.write(data.path().join(format!("JPEGImages/{name}.png"))).unwrap();
        };
        let mut watch = After(1, || {
            replace("train0000", 12, 200);
            replace("train0001", 1, 1);
            replace("val0000", 300, 10);
            replace("val0001", 1, 3);
        });
        let options = Options { rect, cache, epochs: 2, image_weights: !rect, ..options(data.path()) };
        let training =
            TrainingRun::new(options, Hyper::default(), folder.path(), &mut registry(), &mut watch);
        assert_eq!(training.unwrap().run(&mut watch).unwrap(), Finish::Done, "{rect} {cache:?}");
    }
}

#[test]
fn numbers_that_leave_all_bounds_stop_it_with_the_last_good_checkpoint() {
    let data = drawn();
    let folder = stopped(data.path());
    edit(&state(folder.path()), |checkpoint| {
        let array = checkpoint.arrays.get_mut("weights/model.24.m.0.bias").unwrap();
        let Data::F32(values) = &mut array.data else { panic!("floats") };
        values[4] = f32::NAN;
    });
    let before = contents(folder.path());
    let (code, error) = resume(folder.path());
    assert_eq!(code, Some(1), "{error}");
    let last = folder.path().join("weights/last.safetensors");
    for told in ["epoch 1", "last good checkpoint", last.to_str().unwrap(), "lower lr0"] {
        assert!(error.contains(told), "{error:?} lacks {told:?}");
    }
    for (path, bytes) in before.iter().filter(|(path, _)| path.extension().is_some_and(|e| e != "csv")) {
        if path.starts_with(folder.path().join("weights")) {
            assert!(fs::read(path).unwrap() == *bytes, "{} was written over", path.display());
        }
    }
    assert!(weights::read(&last).is_ok());
}

#[test]
fn a_state_of_another_model_is_refused() {
    let data = drawn();
    let folder = stopped(data.path());
    let file = state(folder.path());
    let sound = fs::read(&file).unwrap();
    let larger = fs::read_to_string(root().join("models/yolov5s.yaml")).unwrap().replace("nc: 80", "nc: 3");
    type Change = Box<dyn Fn(&mut Checkpoint)>;
    let cases: [(Change, &str); 5] = [
        (Box::new(move |state| state.meta.model = Some(larger.clone())), "another shape"),
        (Box::new(|state| state.arrays.retain(|name, _| !name.starts_with("ema/"))), "has no ema/"),
        (Box::new(|state| set(state, "progress", "/maps", json!([0.5]))), "not that of its model"),
        (Box::new(|state| set(state, "hyper", "/lr0", json!(-1.0))), "lr0 is -1"),
        (Box::new(|state| _ = state.meta.extra.remove("options")), "no state of a training of this version"),
    ];
    let mut failures = Vec::new();
    for (change, told) in cases {
        fs::write(&file, &sound).unwrap();
        edit(&file, change);
        let (code, error) = resume(folder.path());
        if code != Some(1) || !error.contains(told) || !error.contains("last.state.safetensors") {
            failures.push(format!("{told}: {code:?} {error}"));
        }
    }
    report(failures);
}

/// A training of one epoch; of a small model at a small size, unless `more` says otherwise.
fn train(data: &Path, project: &Path, more: &[String]) -> Command {
    let mut command = yolo();
    command.arg("train").arg("--data").arg(data).arg("--project").arg(project);
    command.args(["--epochs", "1"]);
    let small = [
        (&["--cfg"][..], root().join("models/yolov5n.yaml").display().to_string()),
        (&["--imgsz", "--img"], "64".into()),
        (&["--batch-size", "--batch"], "4".into()),
    ];
    for (names, value) in small {
        if !more.iter().any(|word| names.contains(&word.as_str())) {
            command.args([names[0], &value]);
        }
    }
    command.args(more);
    command
}

#[test]
fn what_is_wrong_from_the_start_is_told_and_leaves_no_folder() {
    let data = drawn();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    };
    let yolo_set = |name: &str, labels: &[Option<&str>]| {
        for (i, text) in labels.iter().enumerate() {
            let image = folder.path().join(format!("{name}/images/{i}.png"));
            fs::create_dir_all(image.parent().unwrap()).unwrap();
            Image { width: 20, height: 12, rgb: vec![90; 720] }.write(image).unwrap();
            if let Some(text) = text {
                write(&format!("{name}/labels/{i}.txt"), text);
            }
        }
        write(&format!("{name}/data.yaml"), "train: images\nval: images\nnames: [a, b]\n")
    };
    fs::create_dir_all(folder.path().join("none/images")).unwrap();
    let none = write("none/data.yaml", "train: images\nval: images\nnames: [a, b]\n");
    let whole = || data.path().to_path_buf();
    let hyp = |text: &str, name: &str| ["--hyp".to_string(), write(name, text).display().to_string()];
    let nano = fs::read_to_string(root().join("models/yolov5n.yaml")).unwrap();
    let four = format!("ch: 4\n{nano}");
    let (head, rows) = (nano.find("anchors:").unwrap(), nano.find("backbone:").unwrap());
    let found = format!("{}anchors: 3\n{}", &nano[..head], &nano[rows..]);
    let cfg = |name: &str, text: &str| vec!["--cfg".to_string(), write(name, text).display().to_string()];
    let cases: Vec<(PathBuf, Vec<String>, &str)> = vec![
        (none, vec![], "no images for train"),
        (yolo_set("unlabelled", &[None, None]), vec![], "none of the 2 images for train has labels"),
        (yolo_set("broken", &[Some("0 2 2 2 2"), Some("x")]), vec![], "not one object for train can be used"),
        (yolo_set("beyond", &[Some("2 .5 .5 .5 .5"), Some("7 .5 .5 .5 .5")]), vec![], "classes are 0 to 1"),
        (whole(), hyp("lr: 0.1", "unknown.yaml").to_vec(), "unknown: `lr` (the nearest is `lr0`)"),
        (
            whole(),
            hyp("momentum: 1.5", "high.yaml").to_vec(),
            "momentum is 1.5, but must be from 0 to 0.9999",
        ),
        (whole(), hyp("lr0: .nan", "nan.yaml").to_vec(), "lr0 is NaN"),
        (whole(), hyp("[", "broken.yaml").to_vec(), "broken.yaml"),
        (whole(), vec!["--weights".into(), write("w.pt", "x").display().to_string()], "w.pt"),
        (
            yolo_set("few", &[Some("0 .5 .5 .5 .5"), Some("1 .5 .5 .2 .2")]),
            cfg("anchors.yaml", &found),
            "9 anchors are to be found",
        ),
        (
            whole(),
            [cfg("anchors.yaml", &found), vec!["--noautoanchor".into()]].concat(),
            "leave --noautoanchor out",
        ),
        (whole(), cfg("four.yaml", &four), "takes 4 channels"),
        (whole(), vec!["--cfg".into(), "nowhere.yaml".into()], "nowhere.yaml"),
        (whole(), ["--img", "64", "96"].map(String::from).to_vec(), "training takes one size"),
        (whole(), ["--save-period", "-2"].map(String::from).to_vec(), "--save-period must be"),
        (whole(), ["--batch-size", "0"].map(String::from).to_vec(), "--batch-size must be"),
        (whole(), ["--quad", "--batch", "2"].map(String::from).to_vec(), "must be at least 4"),
        (yolo_set("three", &[Some("0 .5 .5 .5 .5"), None, None]), vec!["--quad".into()], "but there are 3"),
        (whole(), ["--rect", "--image-weights"].map(String::from).to_vec(), "leave one of them out"),
        (
            whole(),
            [
                "--freeze",
                "1",
                "2",
                "--img",
                "50",
                "50",
                "--weights",
                "",
                "--save-period",
                "-1",
                "--hyp",
                "hyp.VOC.yaml",
            ]
            .map(String::from)
            .to_vec(),
            "",
        ),
    ];
    let mut failures = Vec::new();
    for (data, more, told) in cases {
        let project = tempfile::tempdir().unwrap();
        let (code, error) = run(&mut train(&data, project.path(), &more));
        // The last case is sound, so that the others fail for what they are about.
        let want = if told.is_empty() { 0 } else { 1 };
        if code != Some(want) || !error.contains(told) {
            failures.push(format!("{more:?}, wanted {told:?}: {code:?} {error}"));
        }
        if want == 1 && fs::read_dir(project.path()).unwrap().count() > 0 {
            failures.push(format!("{told}: left a folder"));
        }
    }
    report(failures);
}

#[test]
fn a_label_beyond_the_classes_costs_itself_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (i, class) in [0, 1, 7].iter().enumerate() {
        for part in ["images", "labels"] {
            fs::create_dir_all(folder.path().join(part)).unwrap();
        }
        let image = Image { width: 64, height: 64, rgb: vec![90; 3 * 64 * 64] };
        image.write(folder.path().join(format!("images/{i}.png"))).unwrap();
        fs::write(folder.path().join(format!("labels/{i}.txt")), format!("{class} .5 .5 .5 .5")).unwrap();
    }
    let data = folder.path().join("data.yaml");
    fs::write(&data, "train: images\nval: images\nnames: [a, b]\n").unwrap();
    let project = tempfile::tempdir().unwrap();
    let (code, error) = run(&mut train(&data, project.path(), &[]));
    assert_eq!(code, Some(0), "{error}");
    assert!(
        error.contains("3 images, 2 objects")
            && error.contains("left out: 0 images, 1 object\n")
            && error.contains("class 7, but the dataset's classes are 0 to 1"),
        "{error}"
    );
}
