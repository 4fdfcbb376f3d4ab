//! Any bytes as an image file of any format.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use yolo_host::image::Image;

fuzz_target!(|bytes: &[u8]| match Image::decode(bytes, Path::new("x")) {
    Ok(image) => assert_eq!(image.rgb.len(), 3 * image.width * image.height),
    Err(error) => assert!(!error.to_string().is_empty()),
});
