//! Any bytes as a file of hyperparameters.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use yolo_fuzz::{folder, write};
use yolo_host::train::Hyper;

thread_local! {
    static FOLDER: TempDir = folder();
}

fuzz_target!(|bytes: &[u8]| {
    FOLDER.with(|folder| {
        write(folder.path(), "hyp.yaml", bytes);
        match Hyper::read(&folder.path().join("hyp.yaml")) {
            Ok(hyper) => assert_eq!(hyper.check(), Ok(())),
            Err(error) => assert!(error.to_string().contains("hyp.yaml")),
        }
    });
});
