//! What a file holds that is no image of ours, so that its error can say it.

/// A name for the content, such as "a web page".
pub(super) fn name(bytes: &[u8]) -> Option<&'static str> {
    let start = bytes.get(..1024.min(bytes.len()))?;
    let text = String::from_utf8_lossy(start).to_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    // The brands of a file of boxes: what it is, and what it may also be read as.
    let boxed = start.get(4..8) == Some(b"ftyp");
    let brand = |brands: &[&[u8]]| {
        boxed && brands.iter().any(|brand| start[8..].windows(4).take(64).any(|four| four == *brand))
    };
    Some(match () {
        () if text.starts_with("<!doctype html") || text.starts_with("<html") => {
            "a web page, as a failed download leaves it: download it again"
        }
        () if text.starts_with("version https://git-lfs") => "a Git LFS pointer: run `git lfs pull`",
        () if text.contains("<svg") => "an SVG drawing: export it as PNG",
        () if text.starts_with("<?xml") => "XML",
        () if brand(&[b"avif", b"avis"]) => "AVIF: convert it to PNG or JPEG",
        () if brand(&[b"heic", b"heix", b"mif1", b"msf1", b"hevc"]) => "HEIC: convert it to PNG or JPEG",
        () if brand(&[b"jxl "]) || start.starts_with(&[0xFF, 0x0A]) || start.get(4..8) == Some(b"JXL ") => {
            "JPEG XL: convert it to PNG or JPEG"
        }
        () if boxed => "a video: cut it into images",
        () if start.starts_with(b"%PDF") => "a PDF: export its pages as PNG",
        () if start.starts_with(&[0, 5, 0x16, 7]) => "a note of macOS on another file: leave it out",
        () if start.starts_with(b"PK\x03\x04") => "a ZIP archive: unpack it",
        () if start.starts_with(b"8BPS") => "Photoshop's: export it as PNG",
        () if start.iter().all(|byte| *byte == 0) => "nothing but zeros, as an unfinished copy leaves it",
        () => return None,
    })
}
