//! Going on with a training by the command, as people write it.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use yolo_host::train::{Finish, Hyper, Training};
use yolo_tests::runs::{Stop, drawn, options};
use yolo_tests::{registry, yolo};

/// A folder with `runs/train/exp` in it: three epochs, stopped after so many.
fn stopped(data: &Path, epochs: usize) -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let run = home.path().join("runs/train/exp");
    fs::create_dir_all(&run).unwrap();
    let mut watch = Stop(epochs, Cell::new(false));
    let training = Training::new(options(data), Hyper::default(), &run, &mut registry(), &mut watch);
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
