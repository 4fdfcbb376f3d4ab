//! `cv2.resize(…, interpolation=INTER_LINEAR)` on 8-bit images, equal to OpenCV's result to the bit.
//!
//! OpenCV interpolates along rows and then down columns in fixed point with 11 bits of weight. The numbers
//! kept and the bits dropped on the way are part of the result, so each step here is one of its steps.

use super::Image;

/// 1.0 as a weight.
const ONE: f32 = 2048.0;

/// The image in another size, `cv2.resize(image, (width, height))`.
///
/// A size of zero, asked or given, gives black pixels, where OpenCV raises an error.
pub fn resize_linear(image: &Image, width: usize, height: usize) -> Image {
    let mut rgb = vec![0; 3 * width * height];
    resize_into(image, width, height, &mut rgb, 3 * width);
    Image { width, height, rgb }
}

/// As [`resize_linear`], into rows that lie `pitch` bytes apart; what lies between them is left alone.
pub(super) fn resize_into(image: &Image, width: usize, height: usize, rgb: &mut [u8], pitch: usize) {
    if image.rgb.is_empty() || width == 0 {
        return;
    }
    let rows = rgb.chunks_mut(pitch).take(height).map(|row| &mut row[..3 * width]);
    if (image.width, image.height) == (width, height) {
        rows.zip(image.rgb.chunks_exact(3 * width)).for_each(|(to, from)| to.copy_from_slice(from));
    } else if (image.width, image.height) == (2 * width, 2 * height) {
        halve(image, rows);
    } else {
        interpolate(image, width, height, rows);
    }
}

/// Exact halving in both directions, which OpenCV does with the mean of four pixels.
fn halve<'a>(image: &Image, rows: impl Iterator<Item = &'a mut [u8]>) {
    let pitch = 3 * image.width;
    for (row, pair) in rows.zip(image.rgb.chunks_exact(2 * pitch)) {
        let (above, below) = pair.split_at(pitch);
        let quads = above.as_chunks::<6>().0.iter().zip(below.as_chunks::<6>().0);
        for (to, (a, b)) in row.as_chunks_mut::<3>().0.iter_mut().zip(quads) {
            for channel in 0..3 {
                let sum = [a[channel], a[channel + 3], b[channel], b[channel + 3]].map(u16::from);
                to[channel] = ((sum.iter().sum::<u16>() + 2) >> 2) as u8;
            }
        }
    }
}

/// Two neighbouring input positions along one axis, and the weight of each in one output position.
#[derive(Clone, Copy)]
struct Tap {
    positions: [usize; 2],
    weights: [i16; 2],
}

impl Tap {
    /// The taps of all output positions along an axis of `from` input positions.
    ///
    /// Positions beyond the border are held at it. Along rows the weight is then whole (`whole_at_border`),
    /// down columns OpenCV keeps it split between the border and itself, which can round otherwise.
    fn along(from: usize, to: usize, whole_at_border: bool) -> Vec<Self> {
        let scale = 1.0 / (to as f64 / from as f64);
        let last = from as isize - 1;
        let tap = |index: usize| {
            let centre = ((index as f64 + 0.5) * scale - 0.5) as f32;
            let mut fraction = centre - centre.floor();
            let left = centre.floor() as isize;
            if whole_at_border && !(0..last).contains(&left) {
                fraction = 0.0;
            }
            let weight = |share: f32| (share * ONE).round_ties_even() as i16;
            Self {
                positions: [left, left + 1].map(|position| position.clamp(0, last) as usize),
                weights: [weight(1.0 - fraction), weight(fraction)],
            }
        };
        (0..to).map(tap).collect()
    }
}

/// One input row interpolated to the output width, and which row it is.
struct Stretched {
    source: Option<usize>,
    samples: Vec<[i16; 3]>,
}

impl Stretched {
    fn new(width: usize) -> Self {
        Self { source: None, samples: vec![[0; 3]; width] }
    }

    /// Interpolates row `source` of the image, unless it is there from an output row before.
    fn load(&mut self, image: &Image, source: usize, columns: &[Tap]) {
        if self.source == Some(source) {
            return;
        }
        self.source = Some(source);
        let row = &image.pixels()[source * image.width..][..image.width];
        for (to, tap) in self.samples.iter_mut().zip(columns) {
            let [left, right] = tap.positions.map(|position| row[position]);
            let [of_left, of_right] = tap.weights.map(i32::from);
            for channel in 0..3 {
                let sum = i32::from(left[channel]) * of_left + i32::from(right[channel]) * of_right;
                to[channel] = (sum >> 4) as i16; // at most 255 * 2048 / 16, which fits
            }
        }
    }
}

fn interpolate<'a>(image: &Image, width: usize, height: usize, rows: impl Iterator<Item = &'a mut [u8]>) {
    let columns = Tap::along(image.width, width, true);
    let mut above = Stretched::new(width);
    let mut below = Stretched::new(width);
    for (row, tap) in rows.zip(Tap::along(image.height, height, false)) {
        let [upper, lower] = tap.positions;
        if below.source == Some(upper) {
            std::mem::swap(&mut above, &mut below);
        }
        above.load(image, upper, &columns);
        below.load(image, lower, &columns);
        blend(row, above.samples.as_flattened(), below.samples.as_flattened(), tap.weights);
    }
}

/// Interpolates between two stretched rows.
fn blend(row: &mut [u8], above: &[i16], below: &[i16], weights: [i16; 2]) {
    let [of_above, of_below] = weights.map(i32::from);
    for ((to, &a), &b) in row.iter_mut().zip(above).zip(below) {
        let sum = ((i32::from(a) * of_above) >> 16) + ((i32::from(b) * of_below) >> 16);
        *to = ((sum + 2) >> 2) as u8;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{hashes, noise, sha256};
    use super::*;

    #[test]
    fn resizing_equals_opencv() {
        let mut cases = 0;
        for (name, expected) in hashes() {
            let sizes: Vec<usize> = name.split(' ').filter_map(|size| size.parse().ok()).collect();
            if let [width, height, to_width, to_height] = sizes[..] {
                let resized = resize_linear(&noise(width, height), to_width, to_height);
                assert_eq!(sha256(&resized), expected, "{name}");
                cases += 1;
            }
        }
        assert_eq!(cases, 6);
    }

    #[test]
    fn nothing_gives_black_and_nothing() {
        let empty = Image { width: 0, height: 0, rgb: vec![] };
        assert_eq!(resize_linear(&empty, 2, 1).rgb, [0; 6]);
        assert!(resize_linear(&noise(5, 5), 0, 3).rgb.is_empty());
        assert!(resize_linear(&noise(5, 5), 3, 0).rgb.is_empty());
    }

    proptest! {
        #[test]
        fn one_colour_stays_one_colour(
            colour: [u8; 3],
            (width, height) in (1_usize..40, 1_usize..40),
            (to_width, to_height) in (1_usize..80, 1_usize..80),
        ) {
            let plain = |width, height| Image { width, height, rgb: colour.repeat(width * height) };
            let resized = resize_linear(&plain(width, height), to_width, to_height);
            prop_assert_eq!(resized, plain(to_width, to_height));
        }
    }
}
