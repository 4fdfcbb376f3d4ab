//! Any text as the progress, and behind a zero as the hyperparameters, of a stopped training's state: it is refused, or the
//! training goes on.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::cell::Cell;
use std::path::PathBuf;
use tempfile::TempDir;
use yolo_bundle as _;
use yolo_fuzz::{folder, write};
use yolo_host::data::Cache;
use yolo_host::plugin::Registry;
use yolo_host::train::{BatchReport, Changes, Finish, Hyper, Device, Observer, Options, Rule, Saved, TrainingRun};
use yolo_host::weights::{self, Checkpoint, Dtype};

const MODEL: &str = "nc: 3\ndepth_multiple: 1\nwidth_multiple: 1\nanchors: [[9, 9]]\nbackbone:\n  - [-1, 1, Conv, [8, 3, 8]]\n\
                     head:\n  - [[0], 1, Detect, [nc, anchors]]\n";

/// Stops after a batch.
#[derive(Default)]
struct Once(Cell<bool>);

impl Observer for Once {
    fn batch(&mut self, _: &BatchReport) {
        self.0.set(true);
    }

    fn stop(&self) -> bool {
        self.0.get()
    }
}

/// The folder, its state file, and what that holds.
struct Sound(TempDir, PathBuf, Checkpoint);

fn stopped() -> Sound {
    let folder = folder();
    write(folder.path(), "data.yaml", b"train: images\nval: images\nnames: [a, b, c]\n");
    write(folder.path(), "model.yaml", MODEL.as_bytes());
    let options = Options {
        weights: None,
        cfg: Some(folder.path().join("model.yaml")),
        data: folder.path().join("data.yaml"),
        hyp: None,
        epochs: 3,
        batch: 1,
        imgsz: 32,
        rect: false,
        nosave: false,
        noval: false,
        noautoanchor: true,
        cache: Cache::None,
        image_weights: true,
        multi_scale: false,
        single_cls: false,
        split: 0.9,
        optimizer: Rule::Sgd,
        workers: 1,
        quad: false,
        cos_lr: false,
        label_smoothing: 0.0,
        patience: 0,
        freeze: vec![0],
        save_period: 0,
        seed: 0,
        device: Device::Cpu,
        amp: false,
    };
    let mut registry = Registry::linked().expect("the registry is sound");
    let mut once = Once::default();
    let training = TrainingRun::new(options, Hyper::default(), folder.path(), &mut registry, &mut once);
    assert_eq!(training.expect("a training").run(&mut once).expect("a run"), Finish::Stopped);
    let file = folder.path().join("weights/last.state.safetensors");
    let checkpoint = weights::read(&file).expect("a state");
    Sound(folder, file, checkpoint)
}

thread_local! {
    static SOUND: Sound = stopped();
}

fuzz_target!(|text: &str| {
    SOUND.with(|Sound(_folder, file, sound)| {
        let mut state = sound.clone();
        let mut parts = text.splitn(2, '\0');
        for part in ["progress", "hyper"] {
            if let Some(text) = parts.next().filter(|text| !text.is_empty()) {
                state.meta.extra.insert(part.into(), text.into());
            }
        }
        weights::write(file, &state, Dtype::F32).expect("a state");
        let mut registry = Registry::linked().expect("the registry is sound");
        let mut once = Once::default();
        let went = Saved::read(file)
            .and_then(|saved| TrainingRun::resume(saved, &Changes::default(), &mut registry, &mut once));
        if let Err(error) = went.and_then(|mut training| training.run(&mut once)) {
            assert!(!error.to_string().is_empty());
        }
    });
});
