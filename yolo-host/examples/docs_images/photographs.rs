//! Photographs with what the detector finds in them, side by side in one JPEG.

use anyhow::Context;
use image::codecs::jpeg::JpegEncoder;
use std::ops::Range;
use std::path::Path;
use yolo_host::detector::Detector;
use yolo_host::draw::{Label, boxes};
use yolo_host::eval::NmsOptions;
use yolo_host::exec::Device;
use yolo_host::image::{Image, resize_area};
use yolo_host::plugin::Registry;

/// A photograph, and what is shown of it: left, top, right and bottom as shares of its sides.
pub struct Shown(&'static str, [f32; 4]);

const WHOLE: [f32; 4] = [0.0, 0.0, 1.0, 1.0];

/// The strips: their file, their photographs, their height in pixels.
pub const STRIPS: [(&str, &[Shown], usize); 2] = [
    (
        "detections.jpg",
        &[
            Shown("data/images/cows.jpg", [0.06, 0.15, 0.97, 0.96]),
            Shown("data/images/giraffes.jpg", [0.36, 0.06, 0.98, 1.0]),
            Shown("data/images/sheep.jpg", [0.14, 0.02, 0.84, 0.98]),
        ],
        304,
    ),
    (
        "indoors.jpg",
        &[Shown("tests/data/photos/chelsea.png", WHOLE), Shown("tests/data/photos/coffee.png", WHOLE)],
        288,
    ),
];

/// Between two photographs, in pixels.
const GAP: usize = 8;

/// What `yolo detect` finds, drawn on the photographs when they have the strip's height, so that the text stays legible.
pub fn strip(photographs: &[Shown], height: usize) -> anyhow::Result<Image> {
    let weights = Path::new("weights/yolov5s.safetensors");
    let detector = Detector::load(weights, None, &mut Registry::linked()?, Device::Cpu)?;
    let mut parts = vec![];
    for Shown(file, [left, top, right, bottom]) in photographs {
        let photograph = Image::read(file)?;
        let mut found = detector.detect(&photograph, (640, 640), &NmsOptions::default())?.detections;
        // What begins lower lies on top, so that no frame crosses the text of another.
        found.sort_by(|a, b| a.rect[1].total_cmp(&b.rect[1]));
        let scale = height as f32 / (photograph.height as f32 * (bottom - top));
        let scaled = |pixels: usize| (pixels as f32 * scale) as usize;
        let mut part = resize_area(&photograph, scaled(photograph.width), scaled(photograph.height));
        let labels = found.iter().map(|detection| {
            let name = &detector.names()[detection.class];
            let text = Some(format!("{name} {:.2}", detection.confidence));
            Label { class: detection.class, text, rect: detection.rect.map(|pixels| pixels * scale) }
        });
        boxes(&mut part, &labels.collect::<Vec<_>>(), Some(2));
        let [left, right] = [left, right].map(|share| (share * part.width as f32) as usize);
        let top = ((top * part.height as f32) as usize).min(part.height - height);
        parts.push(cut(&part, left..right, top..top + height));
    }
    Ok(beside(&parts, height))
}

/// A part of an image.
fn cut(image: &Image, columns: Range<usize>, rows: Range<usize>) -> Image {
    let all = image.rgb.chunks_exact(3 * image.width).skip(rows.start).take(rows.len());
    let rgb = all.flat_map(|row| &row[3 * columns.start..3 * columns.end]).copied().collect();
    Image { width: columns.len(), height: rows.len(), rgb }
}

/// Images of one height in a row, white between them.
fn beside(parts: &[Image], height: usize) -> Image {
    let width = parts.iter().map(|part| part.width).sum::<usize>() + GAP * parts.len().saturating_sub(1);
    let mut rgb = Vec::with_capacity(3 * width * height);
    for row in 0..height {
        for (place, part) in parts.iter().enumerate() {
            if place > 0 {
                rgb.extend([255; 3 * GAP]);
            }
            rgb.extend(&part.rgb[3 * row * part.width..][..3 * part.width]);
        }
    }
    Image { width, height, rgb }
}

/// A JPEG of a size that a repository can bear.
pub fn write(strip: &Image, file: &Path) -> anyhow::Result<()> {
    let mut bytes = vec![];
    let (width, height) = (strip.width.try_into()?, strip.height.try_into()?);
    JpegEncoder::new_with_quality(&mut bytes, 78).encode(
        &strip.rgb,
        width,
        height,
        image::ExtendedColorType::Rgb8,
    )?;
    std::fs::write(file, bytes).with_context(|| file.display().to_string())
}
