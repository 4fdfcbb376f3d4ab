//! Any text and weights as an ncnn model, a line `---` between them: refused with a message, or its layers are whole.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use yolo_host::weights::{self, UnitKind};

fuzz_target!(|bytes: &[u8]| {
    let mark = b"\n---\n";
    let at = bytes.windows(mark.len()).position(|window| window == mark).unwrap_or(bytes.len());
    let (param, bin) = (&bytes[..at], bytes.get(at + mark.len()..).unwrap_or_default());
    match weights::read_ncnn(param, bin, Path::new("fuzz.param")) {
        Ok(read) => {
            let whole = |unit: &weights::Unit| {
                unit.sizes.kind == UnitKind::LayerNorm || unit.sizes.values() == Some(unit.weight.len())
            };
            assert!(read.units.iter().all(whole));
        }
        Err(error) => assert!(error.to_string().contains("fuzz.param")),
    }
});
