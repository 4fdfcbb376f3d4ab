//! Four images for one of twice the side: what upstream's `collate_fn4` makes of them.

use crate::data::Label;
use crate::image::Image;

/// `F.interpolate(…, scale_factor=2, mode='bilinear', align_corners=False)` of bytes, fractions dropped.
pub fn enlarge(image: &Image) -> Image {
    let (width, height) = (image.width, image.height);
    let pixels = image.pixels();
    // Of a pixel's two halves the first leans on the pixel before, the second on the one after.
    let beside = |at: usize, length: usize| match at % 2 {
        0 => (at / 2).saturating_sub(1),
        _ => (at / 2 + 1).min(length - 1),
    };
    let mut rgb = Vec::with_capacity(12 * width * height);
    for y in 0..2 * height {
        let row = |y: usize| &pixels[y * width..][..width];
        let (near, far) = (row(y / 2), row(beside(y, height)));
        for x in 0..2 * width {
            let (x, side) = (x / 2, beside(x, width));
            rgb.extend((0..3).map(|channel| {
                let [a, b, c, d] =
                    [near[x], near[side], far[x], far[side]].map(|pixel| u16::from(pixel[channel]));
                ((9 * a + 3 * b + 3 * c + d) >> 4) as u8
            }));
        }
    }
    Image { width: 2 * width, height: 2 * height, rgb }
}

/// Four images of one size as quarters, the second below the first and the third and fourth on their right,
/// and their labels.
pub fn join(quarters: [(Image, Vec<Label>); 4]) -> (Image, Vec<Label>) {
    let [a, b, c, d] = &quarters;
    let (width, height) = (a.0.width, a.0.height);
    let mut rgb = Vec::with_capacity(12 * width * height);
    for (left, right) in [(&a.0, &c.0), (&b.0, &d.0)] {
        let pitch = 3 * width.max(1);
        for (left, right) in left.rgb.chunks_exact(pitch).zip(right.rgb.chunks_exact(pitch)) {
            rgb.extend_from_slice(left);
            rgb.extend_from_slice(right);
        }
    }
    let corners = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)];
    let moved = quarters.into_iter().zip(corners).flat_map(|((_, labels), (across, down))| {
        labels.into_iter().map(move |label| {
            let [x, y, w, h] = label.rect.map(|share| share as f32);
            let rect = [(x + across) * 0.5, (y + down) * 0.5, w * 0.5, h * 0.5];
            Label { class: label.class, rect: rect.map(f64::from), segment: vec![] }
        })
    });
    let labels = moved.collect();
    (Image { width: 2 * width, height: 2 * height, rgb }, labels)
}
