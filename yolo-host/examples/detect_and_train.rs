//! Finds objects in a photograph, and trains a small detector on images that it draws: what the library does alone, on the CPU.
//!
//!     cargo run --package yolo-host --no-default-features --example detect_and_train
//!
//! It fails where the library does not do what it should, so that a build without any feature is a tested one.

use std::error::Error;
use std::path::Path;
use yolo_host::detector::Detector;
use yolo_host::eval::NmsOptions;
use yolo_host::exec::Device;
use yolo_host::image::Image;
use yolo_host::model::Spec;
use yolo_host::plugin::Registry;
use yolo_host::random::Stream;
use yolo_host::train::{EpochReport, Hyper, Observer, Options, TrainingRun};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    detect(&repository)?;
    train()?;
    no_cuda()
}

/// Cows on a photograph, by the weights of the repository.
fn detect(repository: &Path) -> Result<()> {
    let weights = repository.join("weights/yolov5s.safetensors");
    let detector = Detector::load(&weights, None, &mut Registry::linked()?, Device::Cpu)?;
    let photograph = Image::read(repository.join("data/images/cows.jpg"))?;
    let found = detector.detect(&photograph, (320, 320), &NmsOptions::default())?;
    for detection in &found.detections {
        println!("{} {:.2} {:?}", detector.names()[detection.class], detection.confidence, detection.rect);
    }
    let cows = found.detections.iter().filter(|detection| detector.names()[detection.class] == "cow");
    if cows.count() == 0 {
        return Err("no cow was found on the photograph of cows".into());
    }
    Ok(())
}

/// Keeps the losses of each epoch.
#[derive(Default)]
struct Losses(Vec<f64>);

impl Observer for Losses {
    fn epoch(&mut self, report: &EpochReport) {
        println!("epoch {}: losses {:.4?}", report.row.epoch + 1, report.row.train);
        self.0.push(report.row.train.iter().sum());
    }
}

/// A few epochs of yolov5n, made narrow, from nothing.
fn train() -> Result<()> {
    let folder = tempfile::tempdir()?;
    draw(folder.path())?;
    let (_, text) = Spec::built_in().iter().find(|(name, _)| *name == "yolov5n.yaml").ok_or("no yolov5n")?;
    let cfg = folder.path().join("narrow.yaml");
    std::fs::write(&cfg, text.replace("width_multiple: 0.25", "width_multiple: 0.125"))?;
    let options = Options {
        cfg: Some(cfg),
        data: folder.path().join("data.yaml"),
        epochs: 12,
        batch: 4,
        imgsz: 64,
        ..Options::default()
    };
    // Warm-up takes 1,000 steps, of which this training sees the start: a rate that is large there.
    let hyper = Hyper { lr0: 0.3, mosaic: 0.0, ..Hyper::default() };
    let mut losses = Losses::default();
    let run = folder.path().join("run");
    TrainingRun::new(options, hyper, &run, &mut Registry::linked()?, &mut losses)?.run(&mut losses)?;
    match losses.0[..] {
        [first, .., last] if last < 0.9 * first => {}
        _ => return Err(format!("the loss did not fall: {:?}", losses.0).into()),
    }
    // What was trained can be read again.
    let best = run.join("weights/best.safetensors");
    Detector::load(&best, None, &mut Registry::linked()?, Device::Cpu)?;
    Ok(())
}

/// A dataset of bright squares on noise, in YOLO's form.
fn draw(folder: &Path) -> Result<()> {
    for (part, count) in [("train", 24), ("val", 8)] {
        let (images, labels) = (folder.join("images").join(part), folder.join("labels").join(part));
        std::fs::create_dir_all(&images)?;
        std::fs::create_dir_all(&labels)?;
        for index in 0..count {
            let mut stream = Stream::keyed(&format!("{part}{index}"));
            let (side, half) = (64, 8 + stream.below(9));
            let [x, y] = [0; 2].map(|_| half + stream.below(side - 2 * half));
            let mut rgb: Vec<u8> = (0..3 * side * side).map(|_| stream.below(128) as u8).collect();
            for row in rgb.chunks_exact_mut(3 * side).skip(y - half).take(2 * half) {
                row[3 * (x - half)..3 * (x + half)].fill(230);
            }
            Image { width: side, height: side, rgb }.write(images.join(format!("{index}.png")))?;
            let share = |pixels: usize| pixels as f64 / side as f64;
            let label = format!("0 {} {} {size} {size}\n", share(x), share(y), size = share(2 * half));
            std::fs::write(labels.join(format!("{index}.txt")), label)?;
        }
    }
    let data = "train: images/train\nval: images/val\nnc: 1\nnames: [square]\n";
    std::fs::write(folder.join("data.yaml"), data)?;
    Ok(())
}

/// A device that this program has not got is an error that says so.
fn no_cuda() -> Result<()> {
    match Device::named("0") {
        Ok(Device::Cuda(0)) => Ok(()),
        Err(yolo_host::exec::Error::WithoutCuda | yolo_host::exec::Error::NoGpu { .. }) => Ok(()),
        other => Err(format!("device 0: {other:?}").into()),
    }
}
