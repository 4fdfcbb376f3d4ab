//! Any bytes as an image's Pascal VOC annotation.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use yolo_fuzz::{check, folder, write};

thread_local! {
    static FOLDER: TempDir = folder();
}

fuzz_target!(|bytes: &[u8]| {
    FOLDER.with(|folder| {
        write(folder.path(), "VOC/Annotations/x.xml", bytes);
        check(folder.path(), false);
    });
});
