//! Four or nine images in one: upstream's `load_mosaic` and `load_mosaic9`, up to the warp that follows.
//!
//! v6.1 trains with four; nine is there for trials.

use super::{Object, Scene};
use crate::data::Label;
use crate::image::{Image, PADDING};

/// An image that goes into a mosaic, already resized, and its labels.
#[derive(Clone, Copy, Debug)]
pub struct Tile<'a> {
    /// The pixels.
    pub image: &'a Image,
    /// Its objects.
    pub labels: &'a [Label],
}

/// Four images around a point of a square of `2 * side` pixels: top left, top right, bottom left, bottom
/// right. `centre` is x and y of the point; what reaches beyond the square is cut off, and boxes with it.
pub fn mosaic4(tiles: [Tile<'_>; 4], side: usize, centre: (usize, usize)) -> Scene {
    let mut canvas = Canvas::new(2 * side);
    let (x, y) = (centre.0 as isize, centre.1 as isize);
    for (place, tile) in tiles.iter().enumerate() {
        let (width, height) = (tile.image.width as isize, tile.image.height as isize);
        let left = if place % 2 == 0 { x - width } else { x };
        let top = if place < 2 { y - height } else { y };
        canvas.place(tile, left, top);
    }
    canvas.cut(2 * side, (0, 0))
}

/// Nine images, the first in the middle and the others clockwise around it from above, of which a square of
/// `2 * side` pixels is cut out at `offset` (x and y, 0 to `side`).
pub fn mosaic9(tiles: [Tile<'_>; 9], side: usize, offset: (usize, usize)) -> Scene {
    let mut canvas = Canvas::new(3 * side);
    let s = side as isize;
    let size = |tile: &Tile<'_>| (tile.image.width as isize, tile.image.height as isize);
    let (middle_w, middle_h) = size(&tiles[0]);
    let (mut last_w, mut last_h) = (-1, -1);
    for (place, tile) in tiles.iter().enumerate() {
        let (w, h) = size(tile);
        let (left, top) = match place {
            0 => (s, s),
            1 => (s, s - h),
            2 => (s + last_w, s - h),
            3 => (s + middle_w, s),
            4 => (s + middle_w, s + last_h),
            5 => (s + middle_w - w, s + middle_h),
            6 => (s + middle_w - last_w - w, s + middle_h),
            7 => (s - w, s + middle_h - h),
            _ => (s - w, s + middle_h - last_h - h),
        };
        canvas.place(tile, left, top);
        (last_w, last_h) = (w, h);
    }
    canvas.cut(2 * side, offset)
}

/// A grey square that images are laid on.
struct Canvas {
    side: usize,
    rgb: Vec<u8>,
    objects: Vec<Object>,
}

impl Canvas {
    fn new(side: usize) -> Self {
        Self { side, rgb: vec![PADDING; 3 * side * side], objects: vec![] }
    }

    /// Lays an image with its corner at `left`, `top`, which may be outside.
    fn place(&mut self, tile: &Tile<'_>, left: isize, top: isize) {
        let image = tile.image;
        let inside = |at: isize, length: usize| {
            let from = at.clamp(0, self.side as isize);
            let to = (at + length as isize).clamp(0, self.side as isize);
            (from as usize, to as usize, (from - at) as usize)
        };
        let (x1, x2, skip_x) = inside(left, image.width);
        let (y1, y2, skip_y) = inside(top, image.height);
        for (to, from) in (y1..y2).zip(skip_y..) {
            let source = &image.rgb[3 * (from * image.width + skip_x)..][..3 * (x2 - x1)];
            self.rgb[3 * (to * self.side + x1)..][..source.len()].copy_from_slice(source);
        }
        let (size, offset) = ((image.width as f64, image.height as f64), (left as f64, top as f64));
        self.objects.extend(tile.labels.iter().map(|label| Object::placed(label, size, offset)));
    }

    /// A square of it, with boxes and outlines clipped.
    fn cut(self, side: usize, (x, y): (usize, usize)) -> Scene {
        let mut rgb = self.rgb;
        if side != self.side {
            let rows = rgb.chunks_exact(3 * self.side).skip(y).take(side);
            rgb = rows.flat_map(|row| &row[3 * x..][..3 * side]).copied().collect();
        }
        let limit = side as f32;
        let clipped = |value: f32, offset: usize| (value - offset as f32).clamp(0.0, limit);
        let mut objects = self.objects;
        for object in &mut objects {
            let [left, top, right, bottom] = object.corners;
            object.corners = [clipped(left, x), clipped(top, y), clipped(right, x), clipped(bottom, y)];
            object.segment.iter_mut().for_each(|point| *point = [clipped(point[0], x), clipped(point[1], y)]);
        }
        Scene { image: Image { width: side, height: side, rgb }, objects }
    }
}
