//! Any bytes as what a dataset's checks keep beside the labels. Where they are sound JSON, the images' stamps are put
//! right: a fuzzer would not guess them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;
use yolo_fuzz::{check, folder, write};

/// The folder, its cache file, and what that was at first.
struct Sound(TempDir, PathBuf, Value);

thread_local! {
    static SOUND: Sound = {
        let folder = folder();
        write(folder.path(), "data.yaml", b"train: images\nval: images\nnames: [a, b, c]\n");
        check(folder.path(), true);
        let file = folder.path().join("labels.train.cache.json");
        let sound = serde_json::from_slice(&fs::read(&file).expect("a cache")).expect("JSON");
        Sound(folder, file, sound)
    };
}

fuzz_target!(|bytes: &[u8]| {
    SOUND.with(|Sound(folder, file, sound)| {
        fs::write(file, bytes).expect("a file");
        check(folder.path(), true);
        // The fields of an entry as the fuzzer has them, over those of the sound one.
        if let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(bytes) {
            let mut changed = sound.clone();
            let entries = changed["entries"].as_object_mut().expect("entries");
            for entry in entries.values_mut().filter_map(Value::as_object_mut) {
                entry.extend(fields.clone());
            }
            fs::write(file, changed.to_string()).expect("a file");
            check(folder.path(), true);
        }
    });
});
