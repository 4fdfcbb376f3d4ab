//! Images a second of the loader: BCCD at 320 pixels, mosaics with the recipe of scratch-low, one thread, nothing
//! kept and all kept: `cargo bench -p yolo-tests --bench loader`. With the variable RIVAL, a command that answers each
//! line `None|Ram IMAGES` with the seconds that it takes for them, both run in turn; `loader.py` is one.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;
use yolo_host::data::{AugmentHyper, Cache, Dataset, Loader, LoaderOptions, SplitName, SplitOptions};
use yolo_tests::{root, shared};

const LOW: AugmentHyper = AugmentHyper {
    hsv_h: 0.015,
    hsv_s: 0.7,
    hsv_v: 0.4,
    degrees: 0.0,
    translate: 0.1,
    scale: 0.5,
    shear: 0.0,
    perspective: 0.0,
    flipud: 0.0,
    fliplr: 0.5,
    mosaic: 1.0,
    mixup: 0.0,
    copy_paste: 0.0,
};

/// The rival's process.
struct Rival(Child, BufReader<ChildStdout>);

impl Rival {
    fn start() -> Option<Self> {
        let command = std::env::var("RIVAL").ok()?;
        let mut shell = Command::new("sh");
        shell.current_dir(root()).arg("-c").arg(command).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = shell.spawn().ok()?;
        match child.stdout.take() {
            Some(output) => Some(Rival(child, BufReader::new(output))),
            None => panic!("the rival's output is piped"),
        }
    }

    /// The seconds that it takes for so many images.
    fn seconds(&mut self, cache: Cache, images: usize) -> f64 {
        writeln!(self.0.stdin.as_mut().expect("its input"), "{cache:?} {images}").expect("the rival listens");
        let mut line = String::new();
        self.1.read_line(&mut line).expect("the rival answers");
        line.trim().parse().unwrap_or_else(|_| panic!("the rival says `{line}`"))
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    let Some(folder) = shared("data/bccd") else { return };
    let dataset = Dataset::read(&folder).expect("BCCD");
    let uncached = SplitOptions { cache: false, ..SplitOptions::default() };
    let items = dataset.split(SplitName::Train, uncached).expect("BCCD").items;
    let mut rival = Rival::start();
    let rounds: usize = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    println!("images/s, BCCD, 320×320, mosaic, one thread; median of {rounds}");
    for (name, cache) in [("read each time", Cache::None), ("kept in memory", Cache::Ram)] {
        let options = LoaderOptions {
            imgsz: 320,
            batch: 8,
            augment: Some(LOW),
            cache,
            shuffle: true,
            ..LoaderOptions::default()
        };
        let loader = Loader::new(items.clone(), options).expect("a loader");
        let (mut ours, mut theirs) = (vec![], vec![]);
        for round in 0..=rounds {
            let start = Instant::now();
            let images: usize =
                loader.epoch(round, 0, None).map(|batch| batch.expect("a batch").images.len()).sum();
            let rate = images as f64 / start.elapsed().as_secs_f64();
            let other = rival.as_mut().map(|rival| images as f64 / rival.seconds(cache, images));
            // The first warms up.
            if round > 0 {
                ours.push(rate);
                theirs.extend(other);
            }
        }
        let median = |rates: &mut Vec<f64>| {
            rates.sort_by(f64::total_cmp);
            rates[rates.len() / 2]
        };
        let ours = median(&mut ours);
        print!("{name:<16} {ours:.1}");
        if !theirs.is_empty() {
            let theirs = median(&mut theirs);
            print!("; rival {theirs:.1}; ratio {:.2}", ours / theirs);
        }
        println!();
    }
}
