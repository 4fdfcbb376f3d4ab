//! Training as a whole, on images drawn here: it learns, it repeats itself to the bit, and it goes on after every kind of
//! stop as if there had been none.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use yolo_host::detector::Detector;
use yolo_host::eval::NmsOptions;
use yolo_host::image::Image;
use yolo_host::model::{Model, Spec};
use yolo_host::train::{BatchReport, Device, Error, Finish, Hyper, Observer, Options, Rule, TrainingRun};
use yolo_tests::runs::resume;
use yolo_tests::{registry, root, runs, shapes};

/// Watches, and stops after so many batches.
#[derive(Default)]
struct Watch {
    stop_after: Option<usize>,
    batches: Cell<usize>,
    /// Mean losses of the epoch so far, after each batch.
    losses: Vec<[f64; 3]>,
    validated: Vec<[f64; 3]>,
    map50: Vec<f64>,
}

impl Observer for Watch {
    fn batch(&mut self, report: &BatchReport) {
        self.batches.set(self.batches.get() + 1);
        self.losses.push(report.mean);
    }

    fn epoch(&mut self, report: &yolo_host::train::EpochReport) {
        self.map50.push(report.row.metrics[2]);
        self.validated.push(report.row.val);
    }

    fn stop(&self) -> bool {
        self.stop_after.is_some_and(|stop| self.batches.get() >= stop)
    }
}

/// A small detector for images of three shapes.
fn options(data: &Path) -> Options {
    Options { epochs: 2, imgsz: 96, noautoanchor: false, image_weights: false, ..runs::options(data) }
}

/// Warm-up takes 1,000 iterations, of which these runs see the start: rates that are large there.
fn hyper() -> Hyper {
    Hyper { lr0: 0.1, ..Hyper::default() }
}

fn drawn(train: usize, val: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    shapes::draw(folder.path(), 7, train, val);
    folder
}

fn start(options: Options, folder: &Path, watch: &mut Watch) -> Result<Finish, Error> {
    TrainingRun::new(options, hyper(), folder, &mut registry(), watch)?.run(watch)
}

/// What a run leaves that a resumed one must leave, too: weights to the bit, and its results.
fn left(folder: &Path) -> (Vec<u8>, Vec<u8>, String) {
    let weights = |name: &str| {
        let checkpoint = yolo_host::weights::read(&folder.join("weights").join(name)).unwrap();
        format!("{:?}", checkpoint.arrays).into_bytes()
    };
    let results = std::fs::read_to_string(folder.join("results.csv")).unwrap();
    (weights("last.state.safetensors"), weights("best.safetensors"), results)
}

/// Of twenty images a device without end takes all at once, the CPU sixteen.
#[test]
fn a_batch_is_found() {
    let data = drawn(20, 4);
    for (device, batches) in [(Device::Cpu, 2), (Device::CudaOnCpu, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::default();
        let options = Options { batch: 0, epochs: 1, imgsz: 64, device, ..options(data.path()) };
        start(options, folder.path(), &mut watch).unwrap();
        assert_eq!(watch.batches.get(), batches, "{device}");
    }
}

/// Trains until most shapes are found, and gives the best mAP50.
fn learn(device: Device, data: &Path, folder: &Path) -> f64 {
    let mut watch = Watch::default();
    let amp = device != Device::Cpu;
    let options = Options { epochs: 16, optimizer: Rule::Adam, device, amp, ..options(data) };
    let still = Hyper {
        lr0: 0.02,
        warmup_bias_lr: 0.02,
        mosaic: 0.0,
        translate: 0.05,
        scale: 0.1,
        ..Hyper::default()
    };
    let training = TrainingRun::new(options, still, folder, &mut registry(), &mut watch);
    assert_eq!(training.unwrap().run(&mut watch).unwrap(), Finish::Done);
    let best = watch.map50.iter().copied().fold(0.0, f64::max);
    assert!(watch.map50[0] < 0.05, "untrained: {:?}", watch.map50);
    assert!(best > 0.4, "trained: {:?}", watch.map50);
    best
}

/// On a GPU in mixed precision, as there by default.
#[test]
fn it_learns_on_a_gpu() {
    if yolo_tests::cuda().is_some() {
        let folder = tempfile::tempdir().unwrap();
        learn(Device::Cuda(0), drawn(64, 16).path(), folder.path());
    }
}

#[test]
fn it_learns() {
    let data = drawn(64, 16);
    let folder = tempfile::tempdir().unwrap();
    let best = learn(Device::Cpu, data.path(), folder.path());
    // Another machine that takes the run over finds the same.
    let state = folder.path().join("weights/last.state.safetensors");
    let judged = [None, Some(Device::CudaOnCpu)].map(|device| {
        let training = resume(&state, device, &mut Watch::default());
        training.unwrap().validate_best(&mut |_, _| ()).unwrap()
    });
    let [here, there] = judged.map(|judged| (judged.summary.map50, judged.summary.map, judged.loss));
    assert!((here.0 - best).abs() < 0.02, "{here:?}, in training {best}");
    assert!((here.0 - there.0).abs() < 1e-3 && (here.1 - there.1).abs() < 1e-3, "{here:?}, {there:?}");
    for (here, there) in here.2.into_iter().zip(there.2) {
        assert!((here - there).abs() < 1e-6 * here, "losses {here} and {there}");
    }
}

/// How far the second list is from the first, at most, as a share of the first.
fn apart(a: &[[f64; 3]], b: &[[f64; 3]]) -> f64 {
    assert_eq!(a.len(), b.len());
    let both = a.iter().flatten().zip(b.iter().flatten());
    both.map(|(a, b)| (a - b).abs() / a.abs())
        .fold(0.0, |most, apart| if apart > most || apart.is_nan() { apart } else { most })
}

/// What trains on CUDA, with this crate's kernels in cuDNN's place, trains as the CPU does. With one image a batch gradients
/// are summed over several of them before a step. In mixed precision the losses are near.
#[test]
fn the_program_for_cuda_follows_the_cpu() {
    let data = drawn(20, 4);
    // Adam's first steps are as long as the rate, however small a gradient and whatever rounding left of it: a low rate.
    let cases = [(Rule::Sgd, 1, 0.02, false), (Rule::Adam, 4, 1e-3, true), (Rule::AdamW, 4, 1e-3, false)];
    for (optimizer, batch, lr0, mixed_too) in cases {
        let run = |device: Device, amp: bool| {
            let folder = tempfile::tempdir().unwrap();
            let mut watch = Watch::default();
            let options = Options { optimizer, batch, device, amp, ..options(data.path()) };
            let hyper = Hyper { lr0, warmup_bias_lr: lr0, ..Hyper::default() };
            let training = TrainingRun::new(options, hyper, folder.path(), &mut registry(), &mut watch);
            assert_eq!(training.unwrap().run(&mut watch).unwrap(), Finish::Done);
            watch
        };
        let here = run(Device::Cpu, false);
        for (amp, limits) in [(false, [5e-5, 5e-6]), (true, [5e-2, 1e-2])] {
            if amp && !mixed_too {
                continue;
            }
            let there = run(Device::CudaOnCpu, amp);
            let off = [apart(&here.losses, &there.losses), apart(&here.validated, &there.validated)];
            let near = off.iter().zip(limits).all(|(off, limit)| *off < limit);
            assert!(near, "{optimizer:?}, mixed: {amp}: losses {off:?} off, limits {limits:?}");
            // Rounding must show: that it does not would mean that nothing was rounded.
            assert!(!amp || off[0] > 1e-4, "{optimizer:?}: only {off:?} off");
        }
    }
}

#[test]
fn a_stopped_run_goes_on_to_the_same_bits() {
    let data = drawn(18, 4);
    // In the middle of the first epoch, between two, and in the second; with one image a batch while gradients wait.
    let cases = [
        (Rule::Sgd, false, Device::Cpu, 4, &[2, 5, 7][..]),
        (Rule::AdamW, true, Device::Cpu, 4, &[2, 5, 7]),
        (Rule::Sgd, false, Device::Cpu, 1, &[13]),
        (Rule::Adam, false, Device::CudaOnCpu, 1, &[13, 18, 30]),
    ];
    for (optimizer, multi_scale, device, batch, stops) in cases {
        let image_weights = multi_scale;
        let options =
            Options { optimizer, batch, device, multi_scale, image_weights, ..options(data.path()) };
        let case = format!("{optimizer:?} on {device:?}, {batch} a batch");
        let whole = tempfile::tempdir().unwrap();
        start(options.clone(), whole.path(), &mut Watch::default()).unwrap();
        let want = left(whole.path());
        for &stop in stops {
            let parts = tempfile::tempdir().unwrap();
            let mut watch = Watch { stop_after: Some(stop), ..Watch::default() };
            // With other threads.
            let options = Options { workers: 1, ..options.clone() };
            let state = parts.path().join("weights/last.state.safetensors");
            let mut finish = start(options, parts.path(), &mut watch).unwrap();
            while finish == Finish::Stopped {
                let mut watch = Watch::default();
                finish = resume(&state, None, &mut watch).unwrap().run(&mut watch).unwrap();
            }
            let got = left(parts.path());
            assert_eq!(got.2, want.2, "{case}, stopped after {stop}");
            assert!(got == want, "{case}, stopped after {stop}: other weights");
        }
    }
}

fn yolo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yolo-shipped"));
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

#[test]
fn a_killed_run_goes_on_to_the_same_bits() {
    let data = drawn(12, 4);
    let out = tempfile::tempdir().unwrap();
    let cfg = root().join("models/yolov5n.yaml");
    let run = |name: &str, kill: Option<Duration>| -> PathBuf {
        let project = out.path().to_str().unwrap();
        let first = [
            "train",
            "--data",
            data.path().to_str().unwrap(),
            "--cfg",
            cfg.to_str().unwrap(),
            "--imgsz",
            "64",
            "--batch-size",
            "4",
            "--epochs",
            "4",
            "--device",
            "cpu",
            "--project",
            project,
            "--name",
            name,
        ];
        let folder = out.path().join(name);
        let resume = ["train", "--resume", folder.to_str().unwrap()];
        let state = folder.join("weights/last.state.safetensors");
        let mut kills = 0;
        loop {
            // Before the first state there is nothing to go on with, and people start again.
            let mut command =
                if state.exists() { yolo(&resume) } else { yolo(&[&first[..], &["--exist-ok"]].concat()) };
            let mut child = command.spawn().unwrap();
            let patience = kill.map(|kill| kill + Duration::from_millis(130) * kills);
            let started = Instant::now();
            loop {
                if let Some(status) = child.try_wait().unwrap() {
                    let error = error_of(child);
                    // Killed after its very end, it has nothing left to do.
                    assert!(status.success() || error.contains("is finished"), "{error}");
                    assert!(kill.is_none() || kills > 0, "it was never killed");
                    return folder;
                }
                if patience.is_some_and(|patience| started.elapsed() > patience) {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    kills += 1;
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    };
    let results = |folder: PathBuf| {
        let weights = std::fs::read(folder.join("weights/last.safetensors")).unwrap();
        (std::fs::read_to_string(folder.join("results.csv")).unwrap(), weights)
    };
    let want = results(run("whole", None));
    let got = results(run("killed", Some(Duration::from_millis(400))));
    assert_eq!(got.0, want.0);
    assert!(got == want, "other weights");
}

fn error_of(child: std::process::Child) -> String {
    String::from_utf8_lossy(&child.wait_with_output().unwrap().stderr).into_owned()
}

#[test]
fn what_cannot_be_trained_is_told() {
    let data = drawn(6, 2);
    let folder = tempfile::tempdir().unwrap();
    let fails = |options: Options, hyper: Hyper| {
        let mut watch = Watch::default();
        let made = TrainingRun::new(options, hyper, folder.path(), &mut registry(), &mut watch);
        made.and_then(|mut training| training.run(&mut watch)).unwrap_err().to_string()
    };
    let small = || options(data.path());
    let cases = [
        (fails(Options { cfg: None, ..small() }, hyper()), "no model is named"),
        (fails(Options { imgsz: 9000, ..small() }, hyper()), "`imgsz` 9000: training takes 1 to 8192"),
        (
            fails(Options { freeze: vec![99], ..small() }, hyper()),
            "`freeze` 99: the model has the layers 0 to 24",
        ),
        (
            fails(Options { freeze: vec![3, 25], ..small() }, hyper()),
            "`freeze` 25: the model has the layers 0 to 24",
        ),
        (fails(Options { freeze: vec![25], ..small() }, hyper()), "`freeze` 25: all layers are frozen"),
        (fails(Options { freeze: (0..25).collect(), ..small() }, hyper()), "nothing to learn"),
        (fails(Options { rect: true, image_weights: true, ..small() }, hyper()), "`rect` sorts images"),
        (fails(Options { quad: true, batch: 2, ..small() }, hyper()), "must be at least 4, not 2"),
        // Before the data is looked at.
        (fails(Options { freeze: vec![99], data: "nowhere.yaml".into(), ..small() }, hyper()), "`freeze` 99"),
        (
            fails(Options { weights: Some("none.pt".into()), data: "no.yaml".into(), ..small() }, hyper()),
            "none.pt",
        ),
        (fails(Options { data: "nowhere.yaml".into(), ..small() }, hyper()), "nowhere.yaml"),
        (fails(Options { weights: Some("none.pt".into()), ..small() }, hyper()), "none.pt"),
        (
            fails(
                small(),
                Hyper { lr0: 10.0, warmup_bias_lr: 10.0, warmup_epochs: 0.0, r#box: 1e30, ..hyper() },
            ),
            "last good checkpoint",
        ),
    ];
    for (got, want) in cases {
        assert!(got.contains(want), "{got:?} does not say {want:?}");
    }
}

/// A model of one channel sees grey images, in training, in validation and in detection.
#[test]
fn a_grey_model_trains_and_detects() {
    let data = drawn(12, 4);
    let out = tempfile::tempdir().unwrap();
    let path = |name: &str| out.path().join(name).display().to_string();
    let nano = std::fs::read_to_string(root().join("models/yolov5n.yaml")).unwrap();
    std::fs::write(path("grey.yaml"), format!("ch: 1\n{nano}")).unwrap();
    let (data, weights) = (data.path().display().to_string(), path("exp/weights/last.safetensors"));
    let photo = format!("{data}/JPEGImages/val0000.png");
    let size = ["--imgsz", "64", "--device", "cpu", "--project"];
    let grey = path("grey.yaml");
    let runs = [
        vec!["train", "--data", &data, "--cfg", &grey, "--epochs", "1", "--batch", "4"],
        vec!["val", "--data", &data, "--weights", &weights],
        vec!["val", "--data", &data, "--weights", &weights, "--augment"],
        vec!["detect", "--source", &photo, "--weights", &weights, "--save-txt"],
        vec!["detect", "--source", &photo, "--weights", &weights, "--augment"],
    ];
    for run in runs {
        let output = yolo(&run).args(size).arg(out.path()).output().unwrap();
        assert!(output.status.success(), "{run:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Colours of one grey look the same to such a model.
#[test]
fn a_grey_model_sees_grey() {
    let nano = std::fs::read_to_string(root().join("models/yolov5n.yaml")).unwrap();
    let rows = |channels: usize, rgb: [u8; 3]| {
        let spec = Spec::parse(&format!("ch: {channels}\n{nano}"), "grey.yaml").unwrap();
        let model = Model::build(spec, &registry()).unwrap();
        let state = yolo_tests::portable_state(&model);
        let detector = Detector::new(model, state, None, Device::Cpu).unwrap();
        let photo = Image { width: 64, height: 64, rgb: rgb.repeat(64 * 64) };
        let options = NmsOptions { conf_thres: 0.0, max_det: 3, ..NmsOptions::default() };
        let found = detector.detect(&photo, (64, 64), &options).unwrap().detections;
        assert!(!found.is_empty());
        format!("{found:?}")
    };
    // (9798 · 100 + 16384) >> 15 = 30
    let (red, grey) = ([100, 0, 0], [30; 3]);
    assert_eq!(rows(1, red), rows(1, grey));
    assert_ne!(rows(3, red), rows(3, grey));
}

#[test]
fn a_device_that_is_not_there_is_told() {
    for (device, want) in [("gpu", "name cpu"), ("0,1", "name cpu"), ("999", "--device cpu")] {
        for first in [&["train", "--cfg", "x.yaml"][..], &["val"]] {
            let out = yolo(first).args(["--data", "x", "--device", device]).output().unwrap();
            let said = String::from_utf8_lossy(&out.stderr);
            assert!(out.status.code() == Some(1) && said.contains(want), "{first:?} {device}: {said}");
        }
    }
}

#[test]
fn a_state_of_other_data_is_refused() {
    let data = drawn(6, 2);
    let folder = tempfile::tempdir().unwrap();
    start(Options { epochs: 1, ..options(data.path()) }, folder.path(), &mut Watch::default()).unwrap();
    shapes::draw(data.path(), 8, 7, 2);
    let state = folder.path().join("weights/last.state.safetensors");
    let error = resume(&state, None, &mut Watch::default()).err().unwrap().to_string();
    assert!(error.contains("was trained on 6 images"), "{error}");
    let weights = folder.path().join("weights/last.safetensors");
    let error = resume(&weights, None, &mut Watch::default()).err().unwrap().to_string();
    assert!(error.contains("is no state of a training"), "{error}");
}
