//! Any bytes as an ONNX file: refused with a message, or its layers are whole.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use yolo_host::weights::{self, UnitKind};

fuzz_target!(|bytes: &[u8]| {
    match weights::read_bytes(bytes, Path::new("fuzz.onnx")) {
        Ok(read) => {
            let whole = |unit: &weights::Unit| {
                unit.sizes.kind == UnitKind::LayerNorm || unit.sizes.values() == Some(unit.weight.len())
            };
            assert!(read.units.iter().all(whole));
        }
        Err(error) => assert!(error.to_string().contains("fuzz.onnx")),
    }
});
