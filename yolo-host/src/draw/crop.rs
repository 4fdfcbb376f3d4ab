//! One detection cut out of its image.

use crate::image::Image;

/// Cuts a box `[x1, y1, x2, y2]` in pixels out of an image, made wider and higher by the factor `gain` and
/// then by `pad` pixels: YOLOv5's `save_one_box` with its `square` off, where they are 1.02 and 10.
///
/// What lies outside the image is left out; a box wholly outside gives an image without pixels.
pub fn crop(image: &Image, rect: [f32; 4], gain: f32, pad: f32) -> Image {
    let [x1, y1, x2, y2] = rect;
    // In single precision by way of the centre, and cut off to whole pixels, as PyTorch does it there.
    let side = |low: f32, high: f32, size: usize| {
        let (centre, length) = ((low + high) / 2.0, (high - low) * gain + pad);
        let held = |place: f32| (place as isize).clamp(0, size as isize) as usize;
        (held(centre - length / 2.0), held(centre + length / 2.0))
    };
    let (left, right) = side(x1, x2, image.width);
    let (top, bottom) = side(y1, y2, image.height);
    let (width, height) = (right.saturating_sub(left), bottom.saturating_sub(top));
    let rows = image.pixels().chunks_exact(image.width.max(1)).skip(top).take(height);
    let rgb = rows.flat_map(|row| row[left..left + width].as_flattened()).copied().collect();
    Image { width, height, rgb }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each pixel tells its column and row.
    fn places(width: usize, height: usize) -> Image {
        let pixel = |at| [(at % width) as u8, (at / width) as u8, 0];
        Image { width, height, rgb: (0..width * height).flat_map(pixel).collect() }
    }

    #[test]
    fn crops_as_upstream() {
        let image = places(100, 80);
        let cut = crop(&image, [20.0, 30.0, 60.0, 50.0], 1.02, 10.0);
        // 40 * 1.02 + 10 = 50.8 wide around 40, 20 * 1.02 + 10 = 30.4 high around 40.
        assert_eq!((cut.width, cut.height), (65 - 14, 55 - 24));
        assert_eq!((cut.pixels()[0], cut.pixels()[cut.width * cut.height - 1]), ([14, 24, 0], [64, 54, 0]));

        let corner = crop(&image, [90.0, 70.0, 100.0, 80.0], 1.02, 10.0);
        assert_eq!((corner.width, corner.height), (16, 16));
        assert_eq!(crop(&image, [200.0, 0.0, 210.0, 5.0], 1.02, 10.0).rgb, [0; 0]);
    }

    proptest! {
        #[test]
        fn any_box_can_be_cut(rect: [f32; 4], (width, height) in (0_usize..20, 0_usize..20)) {
            let image = Image { width, height, rgb: vec![0; 3 * width * height] };
            let cut = crop(&image, rect, 1.02, 10.0);
            prop_assert_eq!(cut.rgb.len(), 3 * cut.width * cut.height);
            prop_assert!(cut.width <= width && cut.height <= height);
        }
    }
}
