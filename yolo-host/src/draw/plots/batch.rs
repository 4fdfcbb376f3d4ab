//! A batch as the network sees it, with its boxes (v6.1 `plot_images`).

use crate::draw::shapes::frame;
use crate::draw::text::Text;
use crate::draw::{Label, boxes};
use crate::image::{Image, resize_linear};

use super::chart::class_name;

/// Most images shown, and most pixels along a side.
const MOST: usize = 16;
const MOST_PIXELS: usize = 1920;
/// Detections of less confidence are not shown.
const CONFIDENCE: f32 = 0.25;
const GREY: [u8; 3] = [220; 3];

/// A box of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchBox {
    /// Index of the image in the batch.
    pub image: usize,
    /// Index of the class.
    pub class: usize,
    /// Left, top, right, bottom in pixels of the network's input.
    pub rect: [f32; 4],
    /// 0 to 1 for a detection, nothing for a label.
    pub confidence: Option<f32>,
}

/// Up to 16 images of pixels `[n, height, width, 3]`, side by side, column by column, each with its boxes, their classes'
/// names, and its title.
pub fn batch(
    pixels: &[u8],
    (height, width): (usize, usize),
    targets: &[BatchBox],
    titles: &[String],
    names: &[String],
) -> Image {
    let images: Vec<&[u8]> = pixels.chunks_exact((3 * height * width).max(1)).take(MOST).collect();
    let side = (1..=4).find(|side| side * side >= images.len()).unwrap_or(4);
    let scale = (MOST_PIXELS as f64 / side as f64 / height.max(width).max(1) as f64).min(1.0);
    let scaled = |size: usize| (scale * size as f64).ceil() as usize;
    let (tile_height, tile_width) = (scaled(height), scaled(width));
    let mut mosaic = Image {
        width: side * tile_width,
        height: side * tile_height,
        rgb: vec![255; 3 * side * side * tile_width * tile_height],
    };
    for (i, pixels) in images.iter().enumerate() {
        let image = Image { width, height, rgb: pixels[..3 * height * width].to_vec() };
        let mut tile = match scale < 1.0 {
            true => resize_linear(&image, tile_width, tile_height),
            false => image,
        };
        let shown = |one: &&BatchBox| one.image == i && one.confidence.is_none_or(|sure| sure > CONFIDENCE);
        let labels: Vec<Label> =
            targets.iter().filter(shown).map(|one| label(one, scale as f32, names)).collect();
        boxes(&mut tile, &labels, Some(if tile_width.min(tile_height) < 400 { 1 } else { 2 }));
        if let Some(title) = titles.get(i) {
            let short: String = title.chars().take(40).collect();
            write(&mut tile, &short);
        }
        let (right, bottom) = (tile_width as isize, tile_height as isize);
        frame(&mut tile, 0..right, 0..bottom, 1, [255; 3]);
        paste(&mut mosaic, &tile, i / side * tile_width, i % side * tile_height);
    }
    mosaic
}

fn label(one: &BatchBox, scale: f32, names: &[String]) -> Label {
    let name = class_name(names, one.class);
    let text = one.confidence.map_or(name.clone(), |confidence| format!("{name} {confidence:.1}"));
    Label { class: one.class, text: Some(text), rect: one.rect.map(|side| side * scale) }
}

/// A title in the upper left corner, with a shadow, for it may lie on anything.
fn write(tile: &mut Image, title: &str) {
    if let Some(text) = Text::fitting(title, 18.0, tile.width as f32 - 12.0) {
        text.draw(tile, 6, 6, [0; 3]);
        text.draw(tile, 5, 5, GREY);
    }
}

fn paste(mosaic: &mut Image, tile: &Image, left: usize, top: usize) {
    let pitch = mosaic.width;
    let rows = mosaic.rgb.as_chunks_mut::<3>().0.chunks_exact_mut(pitch.max(1)).skip(top);
    for (to, from) in rows.zip(tile.pixels().chunks_exact(tile.width.max(1))) {
        to[left..left + tile.width].copy_from_slice(from);
    }
}
