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
    for folder in ["plugins", "yolo-host/src", "yolo-host/templates", "yolo-host/examples", "tests"] {
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

const CUDNN: &str = "yolo-host/src/autograd/gpu/cudnn";

#[test]
fn unsafe_stands_only_in_kernels_at_cudnn_and_at_the_plugin_border() {
    let graph = ["border", "custom", "open"].map(|file| format!("yolo-host/src/graph/{file}.rs"));
    let registry = ["border", "library"].map(|file| format!("yolo-host/src/registry/{file}.rs"));
    let border: Vec<String> = [
        graph.as_slice(),
        &registry,
        &["plugins/api/src".into(), "yolo-host/src/kernels".into(), CUDNN.into()],
    ]
    .concat();
    let strays = sources().into_iter().filter(|file| {
        let allowed = border.iter().any(|place| file.starts_with(root().join(place)));
        !allowed
            && !file.ends_with("tidy.rs")
            && std::fs::read_to_string(file).unwrap().contains("allow(unsafe_code)")
    });
    report(strays.map(|file| file.display().to_string()).collect());
}
