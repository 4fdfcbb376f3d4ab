//! What the targets for datasets and trainings share: a folder in memory with one file of it made of the fuzzer's bytes.

use std::fs;
use std::path::Path;
use tempfile::TempDir;
use yolo_host::data::{Dataset, Split, SplitName, SplitOptions};
use yolo_host::image::{Image};

/// A sound description of a dataset in every form.
pub const DATA: &str = "train: [images, VOC, a.json]\nval: images\nnames: [a, b, c]\n";

/// A folder with that description, images of 20 by 12 pixels, and a label.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
    let folder = TempDir::new_in(place).expect("a folder");
    let image = Image { width: 20, height: 12, rgb: vec![90; 720] };
    for name in ["images/x.png", "VOC/JPEGImages/x.png"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        image.write(path).expect("an image");
    }
    for (name, text) in [
        ("data.yaml", DATA),
        ("labels/x.txt", "0 0.5 0.5 0.5 0.5\n"),
        ("VOC/ImageSets/Main/train.txt", "x\n"),
        ("VOC/Annotations/x.xml", "<annotation></annotation>"),
        ("a.json", r#"{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}]}"#),
    ] {
        write(folder.path(), name, text.as_bytes());
    }
    folder
}

/// Writes a file of the folder.
pub fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

/// Reads the folder's training part: it is refused with a message, or its labels are sound.
pub fn check(folder: &Path, cache: bool) {
    let read = |dataset: Dataset| -> Result<Split, yolo_host::data::Error> {
        let names = dataset.names.len();
        let split = dataset.split(SplitName::Train, SplitOptions { cache, ..SplitOptions::default() })?;
        for label in split.items.iter().flat_map(|item| &item.labels) {
            assert!(label.class < names && label.rect.iter().all(|share| (0.0..=1.0).contains(share)));
        }
        Ok(split)
    };
    if let Err(error) = Dataset::read(&folder.join("data.yaml")).and_then(read) {
        assert!(!error.to_string().is_empty());
    }
}
