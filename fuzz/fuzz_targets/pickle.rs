//! Any bytes as the pickle of a sound archive, which has storages for it: past the zip's checksums at once.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::{Cursor, Write};
use std::path::Path;
use yolo_host::weights;
use zip::CompressionMethod;
use zip::result::ZipResult;
use zip::write::{SimpleFileOptions, ZipWriter};

/// Storages of the archive, by their keys in the goldens' checkpoints.
const STORAGES: usize = 4;
const STORAGE: [u8; 512] = [0x3c; 512];

fuzz_target!(|pickle: &[u8]| {
    let archive = archive(pickle).expect("a zip in memory");
    match weights::read_bytes(&archive, Path::new("fuzz.pt")) {
        Ok(read) => {
            let whole = |array: &weights::Array| array.shape.iter().product::<usize>() == array.data.len();
            assert!(read.arrays.values().all(whole));
        }
        Err(error) => assert!(error.to_string().contains("fuzz.pt")),
    }
});

fn archive(pickle: &[u8]) -> ZipResult<Vec<u8>> {
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("fuzz/data.pkl", stored)?;
    zip.write_all(pickle)?;
    for key in 0..STORAGES {
        zip.start_file(format!("fuzz/data/{key}"), stored)?;
        zip.write_all(&STORAGE)?;
    }
    Ok(zip.finish()?.into_inner())
}
