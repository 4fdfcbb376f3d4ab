//! Habits that a reader relies on: every source file says its job first, and unsafe stands where it is announced.

use std::path::{Path, PathBuf};
use yolo_tests::{report, root};

fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a folder").path())
        {
            if entry.is_dir() && !entry.ends_with("target") {
                walk(&entry, found);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                found.push(entry);
            }
        }
    }
    let mut found = Vec::new();
    for folder in [
        "bindings",
        "plugins",
        "yolo-host/src",
        "yolo-host/kernels",
        "yolo-host/templates",
        "yolo-host/examples",
        "tests",
    ] {
        walk(&root().join(folder), &mut found);
    }
    assert!(found.len() > 50, "the walk found only {} files", found.len());
    found
}

#[test]
fn every_file_opens_with_its_job() {
    let untold =
        sources().into_iter().filter(|file| !std::fs::read_to_string(file).unwrap().starts_with("//! "));
    report(untold.map(|file| format!("{} does not open with //!", file.display())).collect());
}

const CUDNN: &str = "yolo-host/src/exec/candle/cudnn";

#[test]
fn unsafe_stands_only_in_kernels_at_cudnn_and_at_the_borders() {
    let border = ["custom", "descriptors", "library", "session", "table"];
    let border = border.map(|file| format!("yolo-host/src/plugin/{file}.rs"));
    let page = ["bindings/wasm/src/border.rs", "bindings/wasm/tests/interface.rs"].map(String::from);
    let others = ["plugins/api/src".into(), "yolo-host/kernels/src".into(), CUDNN.into()];
    let border = [border.as_slice(), &page, &others].concat();
    let strays = sources().into_iter().filter(|file| {
        let allowed = border.iter().any(|place| file.starts_with(root().join(place)));
        !allowed
            && !file.ends_with("tidy.rs")
            && std::fs::read_to_string(file).unwrap().contains("allow(unsafe_code)")
    });
    report(strays.map(|file| file.display().to_string()).collect());
}

/// The library has options, the command has flags: `cli/hints.rs` says which are which.
#[test]
fn the_library_names_no_flags() {
    let mut flags = vec![];
    let library = sources().into_iter().filter(|file| {
        let place = file.strip_prefix(root().join("yolo-host/src")).ok();
        place.is_some_and(|place| !place.starts_with("cli"))
    });
    for file in library {
        for (number, line) in std::fs::read_to_string(&file).unwrap().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let is_flag = |(at, _): &(usize, &str)| {
                let before = &code[..*at];
                let opens =
                    before.ends_with([' ', '(', '`']) || before.ends_with('"') && !before.ends_with("\\\"");
                opens && code[at + 2..].starts_with(|letter: char| letter.is_ascii_lowercase())
            };
            if code.match_indices("--").any(|found| is_flag(&found)) {
                flags.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
            }
        }
    }
    report(flags);
}

#[test]
fn the_index_of_suites_is_complete() {
    let index = std::fs::read_to_string(root().join("tests/README.md")).expect("tests/README.md");
    let mut missing = Vec::new();
    let mut suites = 0;
    for file in sources()
        .iter()
        .filter_map(|file| file.strip_prefix(root().join("tests")).ok().map(Path::to_path_buf))
    {
        let name = file.with_extension("").display().to_string();
        let helper =
            ["src/", "benches/", "hostile/", "goldens/"].iter().any(|folder| name.starts_with(folder));
        if !helper && !name.ends_with("/main") {
            suites += 1;
            if !index.contains(&format!("`{name}`")) {
                missing.push(format!("tests/README.md does not name `{name}`"));
            }
        }
    }
    assert!(suites > 30, "the walk found only {suites} suites");
    report(missing);
}
