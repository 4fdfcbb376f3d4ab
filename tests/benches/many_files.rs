//! What many files cost: 5,000, 10,000 and 20,000 small images through a dataset's scan, its cache, a loader's epoch, and names for
//! their results: `cargo bench -p yolo-tests --bench many_files`. The last column is the power of the number by which the time
//! grows: 1 is as it should be, 2 would be the square.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use yolo_host::data::{Dataset, Loader, LoaderOptions, SplitName, SplitOptions};
use yolo_host::image::Image;
use yolo_host::report::UnusedNames;

const COUNTS: [usize; 3] = [5_000, 10_000, 20_000];

/// So many images with a label each, and their data.yaml.
fn draw(folder: &Path, count: usize) -> PathBuf {
    let first = folder.join("first.png");
    Image { width: 16, height: 12, rgb: vec![90; 3 * 16 * 12] }.write(&first).expect("an image");
    let image = fs::read(first).expect("an image");
    for part in ["images", "labels"] {
        fs::create_dir(folder.join(part)).expect("a folder");
    }
    for i in 0..count {
        fs::write(folder.join(format!("images/{i}.png")), &image).expect("an image");
        fs::write(folder.join(format!("labels/{i}.txt")), "0 0.5 0.5 0.5 0.5\n").expect("labels");
    }
    let yaml = folder.join("data.yaml");
    fs::write(&yaml, "train: images\nval: images\nnames: [thing]\n").expect("a dataset");
    yaml
}

fn main() {
    let mut seconds: Vec<Vec<(&str, f64)>> = vec![];
    for count in COUNTS {
        let folder = tempfile::tempdir().expect("a folder");
        let dataset = Dataset::read(&draw(folder.path(), count)).expect("a dataset");
        let mut steps = vec![];
        let mut step = |what, run: &mut dyn FnMut()| {
            let start = Instant::now();
            run();
            steps.push((what, start.elapsed().as_secs_f64()));
        };
        let mut items = vec![];
        let mut split =
            || items = dataset.split(SplitName::Val, SplitOptions::default()).expect("a part").items;
        step("scan", &mut split);
        step("scan from the cache", &mut split);
        assert_eq!(items.len(), count);
        let options = LoaderOptions { imgsz: 32, batch: 32, rect: true, ..LoaderOptions::default() };
        let mut loader = None;
        step("order of a loader", &mut || loader = Loader::new(items.clone(), options.clone()).ok());
        let loader = loader.expect("a loader");
        step("an epoch", &mut || {
            assert_eq!(loader.epoch(0, 0, None).filter(Result::is_ok).count(), loader.batches())
        });
        let name = || Path::new("labels/image.txt").to_path_buf();
        step("results of one name", &mut || {
            let mut names = UnusedNames::default();
            (0..count).for_each(|_| _ = names.give(name()));
        });
        seconds.push(steps);
    }
    println!("{:<22}{:>10}{:>10}{:>10}  power", "seconds", COUNTS[0], COUNTS[1], COUNTS[2]);
    for (i, (what, least)) in seconds[0].iter().enumerate() {
        let [half, most] = [1, 2].map(|count: usize| seconds[count][i].1);
        let power = (most / least).ln() / (COUNTS[2] as f64 / COUNTS[0] as f64).ln();
        println!("{what:<22}{least:>10.4}{half:>10.4}{most:>10.4}  {power:.2}");
    }
}
