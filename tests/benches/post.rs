//! What comes before and after the network: decoding a JPEG, letterbox, normalisation, Detect's arithmetic, and suppression
//! in the settings of detect and val: `cargo bench -p yolo-tests --bench post [-- FILE…]`. A FILE is a photograph to decode,
//! or safetensors with a tensor `prediction` `[1, rows, 5 + classes]` to suppress; those named `det_…` and `val_…` in it are
//! what the reference keeps of it.

use std::path::{Path, PathBuf};
use std::time::Instant;
use yolo_host::eval::{Detection, Head, NmsOptions, decode, non_max_suppression};
use yolo_host::image::{Image, letterbox, to_planes};
use yolo_host::random::Stream;
use yolo_host::raw_map::RawMap;
use yolo_host::validation::Options;
use yolo_host::weights;
use yolo_tests::{floats, uniform};

/// Anchors of YOLOv5 in pixels.
const ANCHORS: [[f32; 6]; 3] = [
    [10.0, 13.0, 16.0, 30.0, 33.0, 23.0],
    [30.0, 61.0, 62.0, 45.0, 59.0, 119.0],
    [116.0, 90.0, 156.0, 198.0, 373.0, 326.0],
];

/// Prints the median time of a function in milliseconds, and what it gives.
fn time<T>(what: &str, mut function: impl FnMut() -> T) -> T {
    let mut times = vec![];
    let begin = Instant::now();
    let mut made = function();
    while times.len() < 10 || begin.elapsed().as_secs_f64() < 1.0 {
        let start = Instant::now();
        made = function();
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!("{what:<50} median {:8.3} ms  min {:8.3} ms", times[times.len() / 2], times[0]);
    made
}

fn normal(stream: &mut Stream) -> f32 {
    let radius = (-2.0 * (1.0 - stream.uniform()).ln()).sqrt();
    (radius * (std::f64::consts::TAU * stream.uniform()).cos()) as f32
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// 25,200 rows: of them 2,000 cluster around 60 objects with objectness above 0.3, the rest is background.
fn prediction(nc: usize) -> Vec<f32> {
    let mut stream = Stream::keyed("post");
    let mut rows = vec![0.0; 25_200 * (5 + nc)];
    for row in rows.chunks_exact_mut(5 + nc) {
        row[..2].fill_with(|| (640.0 * stream.uniform()) as f32);
        row[2..4].fill_with(|| (0.8 * normal(&mut stream) + 4.0).exp());
        row[4] = sigmoid(1.2 * normal(&mut stream) - 7.0);
        row[5..].fill_with(|| sigmoid(normal(&mut stream) - 5.0));
    }
    let objects: Vec<([f32; 4], usize)> = (0..60)
        .map(|_| {
            let centre = [0; 2].map(|_| (560.0 * stream.uniform() + 40.0) as f32);
            let size = [0; 2].map(|_| (0.5 * normal(&mut stream) + 4.2).exp());
            ([centre[0], centre[1], size[0], size[1]], (stream.uniform() * nc as f64) as usize)
        })
        .collect();
    for i in 0..2000 {
        let row = &mut rows[(i * 12 + 5) * (5 + nc)..][..5 + nc];
        let (rect, class) = objects[(stream.uniform() * 60.0) as usize];
        for side in 0..2 {
            row[side] = rect[side] + 0.06 * rect[side + 2] * normal(&mut stream);
            row[side + 2] = rect[side + 2] * (0.12 * normal(&mut stream)).exp();
        }
        row[4] = 0.3 + 0.65 * stream.uniform() as f32;
        row[5 + class] = 0.85 + 0.14 * stream.uniform() as f32;
    }
    rows
}

fn settings() -> [(&'static str, NmsOptions); 2] {
    let detect = NmsOptions { max_det: 300, ..NmsOptions::default() };
    [("det", detect), ("val", Options::default().nms)]
}

fn suppress(name: &str, rows: &[f32], nc: usize) -> Vec<Vec<Detection>> {
    let both = settings().map(|(setting, options)| {
        let what = format!("suppression, {setting}, {name}, {nc} classes");
        time(&what, || non_max_suppression(rows, nc, &options))
    });
    both.to_vec()
}

/// A file of the reference's: times, and whether what is kept is the same to the bit.
fn stored(file: &Path) {
    let arrays = weights::read(file).expect("safetensors").arrays;
    let prediction = &arrays["prediction"];
    let (rows, nc) = (floats(prediction), prediction.shape[2] - 5);
    let kept = suppress("stored", &rows, nc);
    for ((setting, _), kept) in settings().iter().zip(kept) {
        let numbers = |d: &Detection| d.rect.into_iter().chain([d.confidence, d.class as f32]);
        let ours: Vec<f32> = kept.iter().flat_map(numbers).collect();
        let theirs = arrays.iter().find(|(name, _)| name.starts_with(setting)).expect("what it keeps").1;
        println!("  {} kept, the reference's: {}", kept.len(), ours == floats(theirs));
    }
}

/// Decoding, letterbox, normalisation.
fn image(file: &Path) {
    let bytes = std::fs::read(file).expect("a file");
    let name = file.file_name().expect("a name").to_string_lossy();
    let photo = time(&format!("decoding {name}"), || Image::decode(&bytes, file).expect("an image"));
    prepare(&photo);
}

fn prepare(photo: &Image) {
    let sizes = format!("{}×{}", photo.width, photo.height);
    time(&format!("letterbox, {sizes}, to strides"), || letterbox(photo, (640, 640), true, true, 32));
    let boxed = time(&format!("letterbox, {sizes}, to 640×640"), || {
        letterbox(photo, (640, 640), false, true, 32).image
    });
    time("planes of 640×640", || to_planes(&boxed));
}

fn main() {
    let given: Vec<PathBuf> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).map(PathBuf::from).collect();
    for file in given {
        match file.extension().is_some_and(|extension| extension == "safetensors") {
            true => stored(&file),
            false => image(&file),
        }
    }
    let noise: Vec<u8> = uniform("photograph", 3 * 1280 * 720).iter().map(|u| (256.0 * u) as u8).collect();
    prepare(&Image { width: 1280, height: 720, rgb: noise });
    for nc in [80, 20] {
        let rows = prediction(nc);
        suppress("made", &rows, nc);
        // The same objectness and classes as raw maps; in their order, which does not matter here.
        let raw: Vec<f32> = rows.iter().map(|value| (value / (1.0 - value)).max(1e-9).ln()).collect();
        let mut rest = raw.as_slice();
        let mut maps = vec![];
        let anchors = ANCHORS.concat();
        let head = Head { strides: &[8.0, 16.0, 32.0], anchors: &anchors, nc, classes: None };
        for side in [80, 40, 20] {
            let (values, after) = rest.split_at(3 * side * side * (5 + nc));
            rest = after;
            maps.push(RawMap::new(values, [1, side, side]));
        }
        for (setting, options) in settings() {
            let made = time(&format!("decoding, {setting}, {nc} classes"), || {
                decode(&head, &maps, 0, 0..25_200, options.conf_thres)
            });
            println!("  {} rows", made.len() / (5 + nc));
        }
    }
}
