//! Any bytes as a PyTorch checkpoint: a zip archive, the older form, or neither.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use yolo_host::weights;

fuzz_target!(|bytes: &[u8]| {
    match weights::read_bytes(bytes, Path::new("fuzz.pt")) {
        Ok(read) => {
            let whole = |array: &weights::Array| array.shape.iter().product::<usize>() == array.data.len();
            assert!(read.arrays.values().all(whole));
        }
        Err(error) => assert!(error.to_string().contains("fuzz.pt")),
    }
});
