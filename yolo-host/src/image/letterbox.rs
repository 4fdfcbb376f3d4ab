//! An image scaled into the network's input and centred on grey: YOLOv5's `letterbox`.

use super::Image;
use super::resize::resize_into;

/// The grey around a letterboxed image, in each channel.
pub const PADDING: u8 = 114;

/// An image within its padding.
#[derive(Clone, Debug, PartialEq)]
pub struct Letterboxed {
    /// The scaled image and the padding around it.
    pub image: Image,
    /// Letterboxed pixels to one pixel of the photograph.
    pub gain: f64,
    /// Padding in pixels on the left and at the top, in whole and half pixels: upstream's `(dw, dh)`. Where
    /// it ends in a half, the right and the bottom get the pixel more.
    pub pad: (f64, f64),
}

/// Scales an image into `size` (height, width) in pixels, keeping its shape, and fills the rest with grey.
///
/// - `auto`: only pad to the next multiple of `stride` pixels, rather than to the whole of `size`;
/// - `scaleup`: also enlarge small images; without it they are only padded.
///
/// A very long image keeps at least one pixel across, where upstream fails.
pub fn letterbox(
    image: &Image,
    size: (usize, usize),
    auto: bool,
    scaleup: bool,
    stride: usize,
) -> Letterboxed {
    let (width, height) = (image.width.max(1), image.height.max(1));
    let mut gain = (size.0 as f64 / height as f64).min(size.1 as f64 / width as f64);
    if !scaleup {
        gain = gain.min(1.0);
    }
    let scaled = |length: usize| ((length as f64 * gain).round_ties_even() as usize).max(1);
    let (width, height) = (scaled(width), scaled(height));

    let padding = |size: usize, length: usize| {
        let all = size.saturating_sub(length);
        let all = if auto { all.checked_rem(stride).unwrap_or(0) } else { all };
        all as f64 / 2.0
    };
    let pad = (padding(size.1, width), padding(size.0, height));
    // A tenth either way sends the odd pixel to the right and to the bottom.
    let sides = |pad: f64| ((pad - 0.1).round_ties_even() as usize, (pad + 0.1).round_ties_even() as usize);
    let (left, right) = sides(pad.0);
    let (top, bottom) = sides(pad.1);

    let (full_width, full_height) = (left + width + right, top + height + bottom);
    let mut rgb = vec![PADDING; 3 * full_width * full_height];
    resize_into(image, width, height, &mut rgb[3 * (top * full_width + left)..], 3 * full_width);
    Letterboxed { image: Image { width: full_width, height: full_height, rgb }, gain, pad }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{hashes, noise, sha256};
    use super::*;

    #[test]
    fn letterboxes_equal_opencv_and_upstream() {
        let cases = [
            ("whole", letterbox(&noise(41, 23), (64, 64), false, true, 32), 64.0 / 41.0, (0.0, 14.0)),
            ("auto", letterbox(&noise(67, 30), (64, 64), true, true, 32), 64.0 / 67.0, (0.0, 1.5)),
            ("halved", letterbox(&noise(64, 48), (32, 32), true, true, 32), 0.5, (0.0, 4.0)),
            ("not enlarged", letterbox(&noise(30, 21), (64, 64), true, false, 32), 1.0, (1.0, 5.5)),
        ];
        let hashes = hashes();
        for (name, boxed, gain, pad) in cases {
            assert_eq!((boxed.gain, boxed.pad), (gain, pad), "{name}");
            assert_eq!(sha256(&boxed.image), hashes[&format!("letterbox {name}")], "{name}");
        }
    }

    #[test]
    fn slivers_and_nothing_have_a_letterbox() {
        let sliver = letterbox(&noise(2000, 1), (64, 64), false, true, 32);
        assert_eq!((sliver.image.width, sliver.image.height), (64, 64));
        let nothing = letterbox(&noise(0, 0), (64, 32), false, true, 32);
        assert!(nothing.image.rgb.iter().all(|&sample| sample == PADDING));
        assert_eq!(letterbox(&noise(9, 3), (64, 64), true, true, 0).image.width, 64);
    }

    proptest! {
        #[test]
        fn sizes_are_whole_or_in_strides(
            (width, height) in (1_usize..200, 1_usize..200),
            (across, down) in (1_usize..6, 1_usize..6),
            auto: bool,
            scaleup: bool,
        ) {
            let size = (32 * down, 32 * across);
            let boxed = letterbox(&noise(width, height), size, auto, scaleup, 32).image;
            prop_assert_eq!(boxed.rgb.len(), 3 * boxed.width * boxed.height);
            prop_assert!(boxed.width <= size.1 && boxed.height <= size.0);
            prop_assert_eq!((boxed.width % 32, boxed.height % 32), (0, 0));
            prop_assert!(auto || (boxed.height, boxed.width) == size);
        }
    }
}
