//! Photographs with what the detector finds in them, side by side in one JPEG.

use anyhow::Context;
use image::codecs::jpeg::JpegEncoder;
use std::path::Path;
use yolo_host::detector::Detector;
use yolo_host::draw::{Label, boxes};
use yolo_host::eval::NmsOptions;
use yolo_host::exec::Machine;
use yolo_host::image::{Picture, resize_area};
use yolo_host::plugin::Registry;

/// The strips: their file, their photographs, their height in pixels.
pub const STRIPS: [(&str, &[&str], usize); 2] = [
    ("detections.jpg", &["data/images/cows.jpg", "data/images/giraffes.jpg", "data/images/sheep.jpg"], 288),
    ("indoors.jpg", &["tests/data/photos/chelsea.png", "tests/data/photos/coffee.png"], 288),
];

/// Between two photographs, in pixels.
const GAP: usize = 8;

/// What `yolo detect` finds, drawn on the photographs when they have the strip's height, so that the text stays legible.
pub fn strip(photographs: &[&str], height: usize) -> anyhow::Result<Picture> {
    let weights = Path::new("weights/yolov5s.safetensors");
    let detector = Detector::load(weights, None, &mut Registry::linked()?, Machine::Cpu)?;
    let mut parts = vec![];
    for file in photographs {
        let photograph = Picture::read(file)?;
        let found = detector.detect(&photograph, (640, 640), &NmsOptions::default())?;
        let width = photograph.width * height / photograph.height;
        let mut part = resize_area(&photograph, width, height);
        let across = width as f32 / photograph.width as f32;
        let down = height as f32 / photograph.height as f32;
        // The best lies on top.
        let labels = found.detections.iter().rev().map(|detection| {
            let [x1, y1, x2, y2] = detection.rect;
            let name = &detector.names()[detection.class];
            let text = Some(format!("{name} {:.2}", detection.confidence));
            Label { class: detection.class, text, rect: [x1 * across, y1 * down, x2 * across, y2 * down] }
        });
        boxes(&mut part, &labels.collect::<Vec<_>>(), Some(2));
        parts.push(part);
    }
    Ok(beside(&parts, height))
}

/// Images of one height in a row, white between them.
fn beside(parts: &[Picture], height: usize) -> Picture {
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
    Picture { width, height, rgb }
}

/// A JPEG of a size that a repository can bear.
pub fn write(strip: &Picture, file: &Path) -> anyhow::Result<()> {
    let mut bytes = vec![];
    let (width, height) = (strip.width.try_into()?, strip.height.try_into()?);
    JpegEncoder::new_with_quality(&mut bytes, 82).encode(
        &strip.rgb,
        width,
        height,
        image::ExtendedColorType::Rgb8,
    )?;
    std::fs::write(file, bytes).with_context(|| file.display().to_string())
}
