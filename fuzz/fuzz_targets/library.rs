//! Any bytes as a plugin library's file, looked into before it would be loaded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use yolo_host::plugin::check_library;

fuzz_target!(|bytes: &[u8]| {
    let _ = check_library(bytes);
});
