//! Any bytes as a safetensors file, with the length in front put right: a fuzzer would seldom guess it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use yolo_host::weights;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // The header is what precedes the first zero byte behind its length.
    if let Some((_, rest)) = bytes.split_at_checked(8) {
        let header = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
        check(&[&(header as u64).to_le_bytes(), rest].concat());
    }
});

fn check(bytes: &[u8]) {
    match weights::read_bytes(bytes, Path::new("fuzz.safetensors")) {
        Ok(read) => {
            let whole = |array: &weights::Array| array.shape.iter().product::<usize>() == array.data.len();
            assert!(read.arrays.values().all(whole));
        }
        Err(error) => assert!(error.to_string().contains("fuzz.safetensors")),
    }
}
