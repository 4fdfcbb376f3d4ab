//! What several tests share: noise, and the hashes of what OpenCV makes of it (`fixtures/make.py`).

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::Image;

/// The upper bytes of a linear congruential generator.
pub fn noise(width: usize, height: usize) -> Image {
    let mut seed = 1_u32;
    let mut byte = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    Image { width, height, rgb: (0..3 * width * height).map(|_| byte()).collect() }
}

/// OpenCV's results, by name.
pub fn hashes() -> BTreeMap<String, String> {
    serde_json::from_str(include_str!("fixtures/hashes.json")).expect("hashes.json")
}

/// The hash of an image's bytes, as in [`hashes`].
pub fn sha256(image: &Image) -> String {
    Sha256::digest(&image.rgb).iter().map(|byte| format!("{byte:02x}")).collect()
}
