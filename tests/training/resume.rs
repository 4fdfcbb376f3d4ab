//! Going on with a training by the command, as people write it.

use serde_json::json;
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use yolo_host::train::{Finish, Hyper, Options, TrainingRun};
use yolo_host::weights;
use yolo_tests::runs::{Stop, drawn, edit, options, resume, set, state};
use yolo_tests::{registry, report, shapes, yolo};

/// A folder with `runs/train/exp` in it: three epochs, stopped after so many.
fn stopped(data: &Path, epochs: usize) -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let run = home.path().join("runs/train/exp");
    fs::create_dir_all(&run).unwrap();
    let mut watch = Stop(epochs, Cell::new(false));
    let training = TrainingRun::new(options(data), Hyper::default(), &run, &mut registry(), &mut watch);
    assert_eq!(training.unwrap().run(&mut watch).unwrap(), Finish::Stopped);
    (home, run)
}

/// Exit code and standard error of `yolo train` in a folder.
fn train(home: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    finished(yolo().current_dir(home).arg("train").args(arguments))
}

fn finished(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Rows of results.csv.
fn rows(run: &Path) -> usize {
    fs::read_to_string(run.join("results.csv")).unwrap().lines().count() - 1
}

#[test]
fn resume_alone_takes_the_latest_run() {
    let data = drawn();
    let (home, run) = stopped(data.path(), 1);
    let (code, error) = train(home.path(), &["--resume"]);
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(rows(&run), 3, "{error}");
    let (code, error) = train(data.path(), &["--resume"]);
    assert!(code == Some(1) && error.contains("runs/train"), "{error}");
}

/// Whether a refusal says all of this.
fn told((code, error): &(Option<i32>, String), wanted: &[&str]) -> Result<(), String> {
    let lacks: Vec<&&str> = wanted.iter().filter(|wanted| !error.contains(**wanted)).collect();
    if *code == Some(1) && lacks.is_empty() {
        Ok(())
    } else {
        Err(format!("{code:?} lacks {lacks:?}: {error}"))
    }
}

#[test]
fn options_that_cannot_change_are_refused_by_name() {
    let data = drawn();
    let (home, run) = stopped(data.path(), 1);
    let before = fs::read(run.join("weights/last.state.safetensors")).unwrap();
    let hyp = home.path().join("hyp.yaml");
    fs::write(&hyp, "lr0: 0.02\n").unwrap();
    let changed = [
        "--resume",
        "--imgsz",
        "96",
        "--batch-size",
        "8",
        "--optimizer",
        "AdamW",
        "--rect",
        "--seed",
        "4",
        "--freeze",
        "10",
        "--cfg",
        "models/yolov5s.yaml",
        "--hyp",
        hyp.to_str().unwrap(),
        "--label-smoothing",
        "0.1",
    ];
    let names: Vec<&str> = changed[1..].iter().copied().filter(|word| word.starts_with("--")).collect();
    let refused = train(home.path(), &changed);
    told(&refused, &names).unwrap();
    told(&refused, &["--imgsz 96 (before: 64)", "--optimizer AdamW (before: SGD)", "--weights"]).unwrap();
    // What says the same as before does no harm.
    fs::write(&hyp, "lr0: 0.01\n").unwrap();
    let same =
        ["--resume", "--imgsz", "50", "--batch", "4", "--seed", "3", "--optimizer", "SGD", "--image-weights"];
    let other = ["--hyp", hyp.to_str().unwrap(), "--batch-size", "4", "--rect"];
    let refused = train(home.path(), &[&same[..3], &other[..]].concat());
    told(&refused, &["before", "--rect (before: not given)"]).unwrap();
    assert!(!refused.1.contains("--imgsz") && !refused.1.contains("--hyp"), "{refused:?}");
    assert!(fs::read(run.join("weights/last.state.safetensors")).unwrap() == before, "it went on");
    let (code, error) = train(home.path(), &same);
    assert!(code == Some(0) && rows(&run) == 3, "{error}");
}

#[test]
fn a_finished_run_says_how_to_go_on_and_does() {
    let data = drawn();
    let (home, run) = stopped(data.path(), 1);
    let exp = "runs/train/exp";
    assert_eq!(train(home.path(), &["--resume", exp]).0, Some(0));
    let finished = train(home.path(), &["--resume", exp]);
    told(
        &finished,
        &["has trained 3 epochs and is finished", "--epochs 6", "runs/train/exp/weights/last.safetensors"],
    )
    .unwrap();
    told(&train(home.path(), &["--resume", exp, "--epochs", "3"]), &["is finished"]).unwrap();
    assert_eq!(rows(&run), 3);
    let (code, error) = train(home.path(), &["--resume", exp, "--epochs", "5"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(error.contains("epochs: 3 → 5") && error.contains("from epoch 4 on"), "{error}");
    // The fourth epoch's rate is that of a schedule of five: the results' last columns.
    let results = fs::read_to_string(run.join("results.csv")).unwrap();
    let last = |row: &str| row.rsplit(',').next().unwrap().trim().parse::<f64>().unwrap();
    let rates: Vec<f64> = results.lines().skip(1).map(last).collect();
    assert_eq!(rates.len(), 5, "{results}");
    let schedule = yolo_host::train::Schedule::new(&Hyper::default(), 5, 3, 4, false);
    for epoch in [3, 4] {
        let want = schedule.at(3 * (epoch + 1) - 1, epoch).rates.bias;
        assert!((rates[epoch] / want - 1.0).abs() < 1e-4, "{epoch}: {} and {want}", rates[epoch]);
    }
    told(&train(home.path(), &["--resume", exp, "--epochs", "2"]), &["has trained 5 epochs"]).unwrap();
}

#[test]
fn patience_that_is_over_says_how_to_go_on_and_does() {
    let data = drawn();
    let home = tempfile::tempdir().unwrap();
    let run = home.path().join("exp");
    fs::create_dir_all(&run).unwrap();
    // A rate of nought finds nothing better in any epoch, but equal ones count as better: a fitness that falls is needed.
    let options = Options { patience: 1, epochs: 9, ..options(data.path()) };
    let mut watch = Stop(1, Cell::new(false));
    let training = TrainingRun::new(options, Hyper::default(), &run, &mut registry(), &mut watch);
    assert_eq!(training.unwrap().run(&mut watch).unwrap(), Finish::Stopped);
    edit(&run.join("weights/last.state.safetensors"), |state| {
        set(state, "progress", "/stop/best_fitness", json!(1.0))
    });
    let (code, error) = train(home.path(), &["--resume", "exp"]);
    assert!(code == Some(0) && error.contains("no better epoch for 1 epochs"), "{error}");
    assert_eq!(rows(&run), 2);
    let over = train(home.path(), &["--resume", "exp"]);
    told(&over, &["stopped after epoch 2", "--patience"]).unwrap();
    told(&train(home.path(), &["--resume", "exp", "--epochs", "12"]), &["--patience"]).unwrap();
    let (code, error) = train(home.path(), &["--resume", "exp", "--patience", "3"]);
    assert!(code == Some(0) && rows(&run) == 4, "{error}");
}

/// Killed between the last epoch and the report, it goes on to the same end, without another epoch.
#[test]
fn patience_ends_a_run_once() {
    let data = drawn();
    let folder = tempfile::tempdir().unwrap();
    let mut watch = Stop(1, Cell::new(false));
    let options = Options { patience: 1, epochs: 9, ..options(data.path()) };
    TrainingRun::new(options, Hyper::default(), folder.path(), &mut registry(), &mut watch)
        .unwrap()
        .run(&mut watch)
        .unwrap();
    edit(&state(folder.path()), |state| set(state, "progress", "/stop/best_fitness", json!(1.0)));
    for _ in 0..2 {
        let mut watch = Stop(99, Cell::new(false));
        let finish = resume(&state(folder.path()), None, &mut watch).unwrap().run(&mut watch).unwrap();
        assert_eq!((finish, rows(folder.path())), (Finish::Early { best: 0 }, 2));
    }
}

#[test]
fn a_run_that_was_moved_goes_on() {
    let data = drawn();
    let (home, _) = stopped(data.path(), 1);
    // To the same end as where it was.
    let here = tempfile::tempdir().unwrap();
    let moved = here.path().join("moved");
    copy(&home.path().join("runs/train/exp"), &moved);
    assert_eq!(train(home.path(), &["--resume"]).0, Some(0));
    let new = here.path().join("data");
    fs::rename(data.path(), &new).unwrap();
    let gone = train(Path::new("/"), &["--resume", moved.to_str().unwrap()]);
    told(&gone, &[data.path().to_str().unwrap(), "is not there", "--data"]).unwrap();
    let other = tempfile::tempdir().unwrap();
    shapes::draw(other.path(), 8, 9, 2);
    let wrong = train(
        Path::new("/"),
        &["--resume", moved.to_str().unwrap(), "--data", other.path().to_str().unwrap()],
    );
    told(&wrong, &["was trained on 10 images", "now has 9", "--data", "--weights"]).unwrap();
    let weights = moved.join("weights/last.safetensors");
    let (code, error) = train(
        Path::new("/"),
        &["--resume", weights.to_str().unwrap(), "--data", new.to_str().unwrap(), "--workers", "1"],
    );
    assert_eq!(code, Some(0), "{error}");
    let tensors =
        |run: &Path| format!("{:?}", weights::read(&run.join("weights/last.safetensors")).unwrap().arrays);
    assert!(tensors(&moved) == tensors(&home.path().join("runs/train/exp")), "other weights");
    fs::rename(&new, data.path()).unwrap();
}

/// A dataset by a relative path is found again from another folder, as long as it has not moved.
#[test]
fn a_relative_dataset_is_found_from_elsewhere() {
    let data = drawn();
    let name = data.path().file_name().unwrap().to_str().unwrap();
    let home = data.path().parent().unwrap();
    let project = tempfile::tempdir().unwrap();
    let cfg = yolo_tests::root().join("models/yolov5n.yaml");
    let (code, error) = train(
        home,
        &[
            "--data",
            name,
            "--cfg",
            cfg.to_str().unwrap(),
            "--epochs",
            "1",
            "--imgsz",
            "64",
            "--batch",
            "4",
            "--project",
            project.path().to_str().unwrap(),
        ],
    );
    assert_eq!(code, Some(0), "{error}");
    let run = project.path().join("exp");
    let (code, error) = train(Path::new("/"), &["--resume", run.to_str().unwrap(), "--epochs", "2"]);
    assert!(code == Some(0) && rows(&run) == 2, "{error}");
    // What was asked for lies there, and the change with it.
    let opt = fs::read_to_string(run.join("opt.yaml")).unwrap();
    for line in ["epochs: 2\n", "imgsz: 64\n", "batch-size: 4\n", "optimizer: SGD\n"] {
        assert!(opt.contains(line), "{line} in {opt}");
    }
    // Both files can be given back.
    let (opt, hyp) = (run.join("opt.yaml"), run.join("hyp.yaml"));
    let (code, error) = train(
        home,
        &["--opt", opt.to_str().unwrap(), "--hyp", hyp.to_str().unwrap(), "--epochs", "1", "--name", "again"],
    );
    assert_eq!(code, Some(0), "{error}");
    let weights = |run: &str| {
        format!(
            "{:?}",
            weights::read(&project.path().join(run).join("weights/best.safetensors")).unwrap().arrays
        )
    };
    assert_eq!(rows(&project.path().join("again")), 1);
    assert!(!weights("again").is_empty());
    let meta = weights::read(&run.join("weights/best.safetensors")).unwrap().meta;
    assert_eq!(meta.imgsz, Some(64), "weights say the size that they were trained with");
    let summary = [
        "model: ",
        "25 layers",
        "optimiser: SGD",
        "60 biases",
        "classes: 3: disc, square, triangle",
        "results go to",
    ];
    let lacks: Vec<_> = summary.iter().filter(|text| !error.contains(**text)).collect();
    assert!(lacks.is_empty(), "{lacks:?}: {error}");
}

#[test]
fn results_can_go_elsewhere() {
    let data = drawn();
    let (home, run) = stopped(data.path(), 1);
    let before = fs::read(run.join("weights/last.state.safetensors")).unwrap();
    let (code, error) =
        train(home.path(), &["--resume", "runs/train/exp", "--project", "other", "--name", "new"]);
    assert_eq!(code, Some(0), "{error}");
    assert_eq!((rows(&home.path().join("other/new")), rows(&run)), (3, 1), "{error}");
    assert!(
        fs::read(run.join("weights/last.state.safetensors")).unwrap() == before,
        "the old run was changed"
    );
    // A name without a path says which run is meant.
    let (code, error) = train(home.path(), &["--resume", "--name", "exp"]);
    assert!(code == Some(0) && rows(&run) == 3, "{error}");
}

#[test]
fn what_is_no_run_is_told() {
    let data = drawn();
    let (home, run) = stopped(data.path(), 1);
    fs::write(run.join("weights/x.pt"), "x").unwrap();
    let cases: [(&[&str], &[&str]); 5] = [
        (&["--resume", "nowhere"], &["nowhere", "no such file or folder"]),
        (&["--resume", "runs/train"], &["latest run in it is runs/train/exp"]),
        (
            &["--resume", "runs/train/exp/weights/best.safetensors"],
            &["weights alone", "last.state.safetensors", "--weights"],
        ),
        (
            &["--resume", "runs/train/exp/weights/x.pt"],
            &["weights alone", "--weights runs/train/exp/weights/x.pt"],
        ),
        (&["--resume", "--project", "else"], &["else"]),
    ];
    report(cases.iter().filter_map(|(line, wanted)| told(&train(home.path(), line), wanted).err()).collect());
    let (code, error) = train(home.path(), &["--resume", "runs/train/exp/weights"]);
    assert_eq!(code, Some(0), "{error}");
}

/// A state as the version before wrote it, without what was added since.
#[test]
fn older_states_are_read() {
    let data = drawn();
    let (home, run) = stopped(data.path(), 1);
    edit(&run.join("weights/last.state.safetensors"), |state| {
        let text = state.meta.extra.get_mut("progress").unwrap();
        let mut progress: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap();
        for new in ["early", "finished", "started_in"] {
            assert!(progress.remove(new).is_some(), "{new}");
        }
        *text = serde_json::to_string(&progress).unwrap();
    });
    let (code, error) = train(home.path(), &["--resume"]);
    assert!(code == Some(0) && rows(&run) == 3, "{error}");
}

/// Copies a run.
fn copy(from: &Path, to: &Path) {
    for part in ["", "weights"] {
        fs::create_dir_all(to.join(part)).unwrap();
        let files = fs::read_dir(from.join(part)).unwrap().map(|file| file.unwrap().path());
        for file in files.filter(|file| file.is_file()) {
            fs::copy(&file, to.join(part).join(file.file_name().unwrap())).unwrap();
        }
    }
}
