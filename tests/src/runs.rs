//! Small trainings that are stopped, and their states changed, for the suites on what can go wrong.

use crate::{registry, root, shapes};
use serde_json::Value;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use yolo_host::train::{
    BatchReport, Changes, Device, EpochReport, Finish, Hyper, Observer, Options, Saved, TrainingRun,
};
use yolo_host::weights::{self, Checkpoint, Dtype};

/// A small training on images of three shapes: three epochs of 64 pixels.
pub fn options(data: &Path) -> Options {
    Options {
        cfg: Some(root().join("models/yolov5n.yaml")),
        data: data.into(),
        epochs: 3,
        batch: 4,
        imgsz: 64,
        noautoanchor: true,
        image_weights: true,
        patience: 0,
        seed: 3,
        ..Options::default()
    }
}

/// Ten of them to learn from, and four.
pub fn drawn() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a sound run");
    shapes::draw(folder.path(), 7, 10, 4);
    folder
}

/// Stops after so many epochs, or, of 0, after a batch.
pub struct Stop(pub usize, pub Cell<bool>);

impl Observer for Stop {
    fn batch(&mut self, _: &BatchReport) {
        self.1.set(self.1.get() || self.0 == 0);
    }

    fn epoch(&mut self, report: &EpochReport) {
        self.1.set(report.row.epoch + 1 == self.0);
    }

    fn stop(&self) -> bool {
        self.1.get()
    }
}

/// Goes on from a state, on a machine if one is named.
pub fn resume(
    state: &Path,
    device: Option<Device>,
    observer: &mut dyn Observer,
) -> Result<TrainingRun, yolo_host::train::Error> {
    let changes = Changes { device, ..Changes::default() };
    TrainingRun::resume(Saved::read(state)?, &changes, &mut registry(), observer)
}

/// What a resume reads.
pub fn state(folder: &Path) -> PathBuf {
    folder.join("weights/last.state.safetensors")
}

/// A run of three epochs, stopped after the first.
pub fn stopped(data: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a sound run");
    let mut watch = Stop(1, Cell::new(false));
    let mut training =
        TrainingRun::new(options(data), Hyper::default(), folder.path(), &mut registry(), &mut watch)
            .expect("a sound run");
    assert_eq!(training.run(&mut watch).expect("a sound run"), Finish::Stopped);
    folder
}

/// Changes the numbers that a state keeps beside its tensors.
pub fn edit(file: &Path, change: impl FnOnce(&mut Checkpoint)) {
    let mut checkpoint = weights::read(file).expect("a sound run");
    change(&mut checkpoint);
    weights::write(file, &checkpoint, Dtype::F32).expect("a sound run");
}

/// Changes one number in a part of it.
pub fn set(checkpoint: &mut Checkpoint, part: &str, pointer: &str, value: Value) {
    let text = checkpoint.meta.extra.get_mut(part).expect("a sound run");
    let mut json: Value = serde_json::from_str(text).expect("a sound run");
    *json.pointer_mut(pointer).expect("a sound run") = value;
    *text = json.to_string();
}

/// JSON pointers to all numbers in a value.
pub fn numbers(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Number(_) => found.push(path.to_string()),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, value)| numbers(value, &format!("{path}/{i}"), found));
        }
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            numbers(value, &format!("{path}/{key}"), found);
        }),
        _ => (),
    }
}
