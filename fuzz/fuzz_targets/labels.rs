//! Any bytes as an image's YOLO labels.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use yolo_fuzz::{check, folder, write};

thread_local! {
    static FOLDER: TempDir = folder();
}

fuzz_target!(|bytes: &[u8]| {
    FOLDER.with(|folder| {
        write(folder.path(), "labels/x.txt", bytes);
        check(folder.path(), false);
    });
});
