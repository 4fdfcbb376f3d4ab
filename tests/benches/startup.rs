//! What ten plugin libraries add to the start of `yolo blocks`, whole processes in turn:
//! `cargo bench -p yolo-tests --bench startup`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use yolo_tests::plugins::{FAMILIES, compile, example_in_rust, family};
use yolo_tests::{bare_yolo, root};

/// Ten libraries: five different ones, and five further copies of the families, which are loaded all the same.
fn fill(folder: &Path) {
    let families = FAMILIES.map(|name| family(name, true));
    let all = families.iter().cycle().take(8).cloned().chain([example_in_rust("fasternet", true)]);
    for (i, library) in all.enumerate() {
        let name = library.file_name().expect("a library has a name").to_string_lossy();
        std::fs::copy(&library, folder.join(format!("{i}_{name}"))).expect("it can be copied");
    }
    compile("cc", &root().join("plugins/examples/pplcnet/pplcnet.c"), folder, &[]);
    assert_eq!(std::fs::read_dir(folder).expect("a folder").count(), 10);
}

/// Seconds that the command takes.
fn time(command: &mut Command) -> f64 {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    assert!(command.status().expect("yolo runs").success());
    start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fill(folder.path());
    let pairs: Vec<(f64, f64)> = (0..201)
        .map(|_| {
            let without = time(bare_yolo().arg("blocks"));
            (without, time(bare_yolo().arg("blocks").arg("--plugin").arg(folder.path())))
        })
        .collect();
    let [without, with, added] = [
        median(pairs.iter().map(|(without, _)| *without).collect()),
        median(pairs.iter().map(|(_, with)| *with).collect()),
        median(pairs.iter().map(|(without, with)| with - without).collect()),
    ]
    .map(|seconds| 1e3 * seconds);
    println!(
        "yolo blocks, median of {} pairs: {without:.2} ms without plugins, {with:.2} ms with ten",
        pairs.len()
    );
    println!("ten plugins add {added:.2} ms");
}
