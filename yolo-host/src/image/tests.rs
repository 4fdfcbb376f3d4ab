//! Image files against what OpenCV reads from them, and against damage.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::rgb::*;
use super::*;

/// The fixtures, by name; `fixtures/make.py` makes them.
macro_rules! fixtures {
    ($($name:literal),* $(,)?) => { [$(($name, include_bytes!(concat!("fixtures/", $name)).as_slice())),*] };
}

const FIXTURES: [(&str, &[u8]); 47] = fixtures![
    "alpha-within.tiff",
    "alpha.jp2",
    "alpha.png",
    "alpha.tiff",
    "alpha.webp",
    "animated.gif",
    "animated.png",
    "animated.webp",
    "bits.png",
    "bits1-inverted.tiff",
    "bits1.tiff",
    "cmyk.jpg",
    "cmyk.tiff",
    "deep-alpha.png",
    "deep-alpha.tiff",
    "deep-big-endian.tiff",
    "deep-grey.jp2",
    "deep-grey.png",
    "deep-grey.tiff",
    "deep-inverted.tiff",
    "deep-planar.tiff",
    "deep.png",
    "fax.tiff",
    "five.tiff",
    "float.tiff",
    "four-bands.tiff",
    "grey-alpha.png",
    "grey-alpha.tiff",
    "grey.jp2",
    "grey.jpg",
    "inverted.tiff",
    "lab.tiff",
    "one.png",
    "pages.tiff",
    "palette-old.tiff",
    "palette.png",
    "palette.tiff",
    "palette4.tiff",
    "plain.bmp",
    "plain.j2k",
    "plain.jp2",
    "planar.tiff",
    "turned.jpg",
    "turned.png",
    "turned.tiff",
    "turned.webp",
    "ycbcr.tiff",
];

fn fixture(name: &str) -> Vec<u8> {
    FIXTURES.iter().find(|(known, _)| *known == name).expect("known fixture").1.to_vec()
}

fn decode(bytes: &[u8]) -> Result<Image, Error> {
    Image::decode(bytes, Path::new("some/photo.file"))
}

fn message(bytes: &[u8]) -> String {
    let message = decode(bytes).expect_err("not an image to be read").to_string();
    assert!(message.contains("some/photo.file"), "the file is not named: {message}");
    message
}

/// What `cv2.imread` gave for the fixtures, in RGB order.
fn expected() -> BTreeMap<String, Image> {
    let read: BTreeMap<String, (usize, usize, String)> =
        serde_json::from_str(include_str!("fixtures/read.json")).expect("read.json");
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).expect("hex"), 16).expect("hex");
    read.into_iter()
        .map(|(name, (width, height, hex))| {
            (name, Image { width, height, rgb: hex.as_bytes().chunks(2).map(byte).collect() })
        })
        .collect()
}

#[test]
fn fixtures_read_as_opencv_reads_them() {
    for (name, expected) in expected() {
        let read = decode(&fixture(&name)).expect(&name);
        assert_eq!((read.width, read.height), (expected.width, expected.height), "{name}");
        let worst = read.rgb.iter().zip(&expected.rgb).map(|(a, b)| a.abs_diff(*b)).max();
        let allowed = if name.ends_with("jpg") { 3 } else { 0 };
        assert!(worst <= Some(allowed), "{name}: off by {worst:?}");
    }
}

#[test]
fn tiff_and_webp_turn_as_png_does() {
    let turned = &expected()["turned.png"];
    assert_eq!(decode(&fixture("turned.tiff")).expect("TIFF"), *turned);
    assert_eq!(decode(&fixture("turned.webp")).expect("WebP"), *turned);
}

/// Red, green, blue and grey quarters, named by their letters, in each of the eight EXIF orientations.
#[test]
fn every_orientation_is_applied() {
    const SEEN: [&str; 8] = ["rgb.", "gr.b", ".bgr", "b.rg", "rbg.", "br.g", ".gbr", "g.rb"];
    let mut bytes = fixture("turned.jpg");
    // Tag 0x0112, type 3 (u16), one value, then the value, all big-endian.
    let tag = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6];
    let start = bytes.windows(tag.len()).position(|at| at == tag).expect("orientation tag");
    for (orientation, seen) in (1..).zip(SEEN) {
        bytes[start + tag.len() - 1] = orientation;
        let image = decode(&bytes).expect("JPEG");
        let (width, height) = if orientation < 5 { (24, 16) } else { (16, 24) };
        assert_eq!((image.width, image.height), (width, height), "orientation {orientation}");
        let quarter = |x: usize, y: usize| match image.pixels()[y * height / 4 * width + x * width / 4] {
            [200..=255, _, _] => 'r',
            [_, 200..=255, _] => 'g',
            [_, _, 200..=255] => 'b',
            _ => '.',
        };
        let quarters = [quarter(1, 1), quarter(3, 1), quarter(1, 3), quarter(3, 3)];
        assert_eq!(String::from_iter(quarters), seen, "orientation {orientation}");
    }
}

#[test]
fn what_is_no_image_says_so() {
    assert!(message(b"").contains("is empty"));
    assert!(message(b"GIF89a\x01\0\x01\0").contains("cannot decode"));
    assert!(message(b"some text").contains("not an image that can be read: its content is none of BMP, GIF"));
    assert!(message(b"\xEF\xBB\xBF\n<!DOCTYPE html><html>").contains("a web page"));
    assert!(message(b"version https://git-lfs.github.com/spec/v1\noid x").contains("git lfs pull"));
    assert!(message(b"\0\0\0\x1Cftypmif1\0\0\0\0avifmif1miaf").contains("its content is AVIF: convert"));
    assert!(message(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").contains("its content is HEIC"));
    assert!(message(b"\0\0\0\x18ftypisom\0\0\0\0mp42").contains("a video"));
    assert!(message(&[0, 5, 0x16, 7, 0, 2]).contains("macOS"));
    assert!(message(&[0; 3000]).contains("nothing but zeros"));
    assert!(message(&fixture("lab.tiff")).contains("has LAB pixels of 3 × 8 bits: convert it"));
    assert!(message(&fixture("five.tiff")).contains("has 5 channels: convert it"));
    assert!(message(&fixture("float.tiff")).contains("has floating-point pixels: convert"));
    assert!(message(&fixture("plain.bmp")[..200]).contains("cannot decode"));
    for format in ["alpha.png", "turned.tiff", "turned.webp", "turned.jpg", "plain.jp2", "animated.gif"] {
        let bytes = fixture(format);
        assert!(message(&bytes[..40]).contains("cannot decode"), "{format}");
    }
    let missing = Image::read("some/photo.file").expect_err("no such file").to_string();
    assert!(missing.contains("cannot read 'some/photo.file'"), "{missing}");
}

/// A BMP header of the given size, without pixels.
fn bitmap(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = fixture("plain.bmp")[..54].to_vec();
    bytes[18..22].copy_from_slice(&width.to_le_bytes());
    bytes[22..26].copy_from_slice(&height.to_le_bytes());
    bytes
}

#[test]
fn sizes_are_checked_before_memory_is_taken() {
    let huge = message(&bitmap(30_000, 30_000));
    assert!(huge.contains("30000x30000 pixels, 2574 MiB once decoded; the limit is 1024 MiB"), "{huge}");
    assert!(decode(&bitmap(0, 5)).is_err());
    assert!(decode(&bitmap(5, 0)).is_err());
}

#[test]
fn written_images_read_back() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let image = decode(&fixture("turned.png")).expect("PNG");
    for name in ["a.png", "a.bmp", "a.tif", "a.webp", "a.JPG", "a.jfif", "a.JPG_large", "a.png"] {
        let path = folder.path().join(name);
        image.write(&path).expect(name);
        let read = Image::read(&path).expect(name);
        let worst = read.rgb.iter().zip(&image.rgb).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(if name.contains(['J', 'j']) { 8 } else { 0 }), "{name}: off by {worst:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 7, "no part is left over");
}

#[test]
fn what_cannot_be_written_says_so() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let failed = |image: &Image, name: &str| {
        let message = image.write(folder.path().join(name)).expect_err(name).to_string();
        assert!(message.contains(name), "{message}");
        message
    };
    let image = decode(&fixture("one.png")).expect("PNG");
    assert!(failed(&image, "a.gif").contains("must end in bmp"));
    assert!(failed(&image, "a.jp2").contains("must end in bmp"));
    assert!(failed(&image, "name").contains("must end in bmp"));
    assert!(failed(&image, "none/a.png").contains("cannot write"));
    let long = Image { width: 70_000, height: 1, rgb: vec![0; 210_000] };
    assert!(failed(&long, "a.jpg").contains("cannot encode"));
    let false_size = Image { width: 9, height: 9, rgb: vec![0; 3] };
    assert!(failed(&false_size, "a.png").contains("cannot encode"));
    let empty = Image { width: 0, height: 0, rgb: vec![] };
    assert!(failed(&empty, "a.png").contains("cannot encode"));
    assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 0, "no part is left over");
}

proptest! {
    #[test]
    fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), start in 0..FIXTURES.len()) {
        let _ = decode(&bytes);
        // Behind the first bytes of a known format it gets further.
        let _ = decode(&[&FIXTURES[start].1[..16], &bytes].concat());
    }

    #[test]
    fn damage_never_panics(
        which in 0..FIXTURES.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = FIXTURES[which].1.to_vec();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(image) = decode(&bytes) {
            prop_assert_eq!(image.rgb.len(), 3 * image.width * image.height);
        }
        let _ = decode(&bytes[..end.index(bytes.len())]);
    }
}
