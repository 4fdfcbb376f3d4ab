//! Colours changed by hue, saturation and brightness: upstream's `augment_hsv`, equal to it to the bit.
//!
//! OpenCV goes to 8-bit HSV (hue in steps of two degrees) by whole numbers and back by single-precision ones.

use std::sync::LazyLock;

use super::AugmentHyper;
use crate::data::Picture;
use crate::random::Stream;

/// Bits behind the point of the tables of [`Division`].
const SHIFT: u32 = 12;

/// OpenCV converts this many pixels of a row at once, and the rest of the row by another rounding.
const LANES: usize = 32;

/// Factors of hue, saturation and brightness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HsvGains(pub [f64; 3]);

impl HsvGains {
    /// Draws factors around 1.
    pub fn draw(stream: &mut Stream, hyper: &AugmentHyper) -> Self {
        Self([hyper.hsv_h, hyper.hsv_s, hyper.hsv_v].map(|gain| stream.between(-1.0, 1.0) * gain + 1.0))
    }

    /// Changes the colours of a picture.
    pub fn apply(&self, picture: &mut Picture) {
        let tables = Tables::new(self.0);
        let pitch = 3 * picture.width.max(1);
        for row in picture.rgb.chunks_exact_mut(pitch) {
            let pixels = row.as_chunks_mut::<3>().0;
            let (many, rest) = pixels.split_at_mut(pixels.len() / LANES * LANES);
            many.iter_mut()
                .for_each(|pixel| *pixel = rgb(tables.change(hsv(*pixel))).map(|level| level as u8));
            let round = |level: f32| level.round_ties_even() as u8;
            rest.iter_mut().for_each(|pixel| *pixel = rgb(tables.change(hsv(*pixel))).map(round));
        }
    }
}

/// What each value of each channel becomes.
struct Tables([[u8; 256]; 3]);

impl Tables {
    fn new([hue, saturation, value]: [f64; 3]) -> Self {
        let table = |change: &dyn Fn(f64) -> f64| std::array::from_fn(|level| change(level as f64) as u8);
        let clipped = |gain: f64| move |level: f64| (level * gain).clamp(0.0, 255.0);
        Self([
            table(&|level| (level * hue).rem_euclid(180.0)),
            table(&clipped(saturation)),
            table(&clipped(value)),
        ])
    }

    fn change(&self, hsv: [u8; 3]) -> [u8; 3] {
        std::array::from_fn(|channel| self.0[channel][usize::from(hsv[channel])])
    }
}

/// Division by a byte as multiplication.
struct Division {
    saturation: [i32; 256],
    hue: [i32; 256],
}

static DIVISION: LazyLock<Division> = LazyLock::new(|| {
    let table = |whole: u32, parts: f64| {
        std::array::from_fn(|by| match by {
            0 => 0,
            by => (f64::from(whole << SHIFT) / (parts * by as f64)).round_ties_even() as i32,
        })
    };
    Division { saturation: table(255, 1.0), hue: table(180, 6.0) }
});

/// `COLOR_RGB2HSV` of a pixel.
fn hsv(rgb: [u8; 3]) -> [u8; 3] {
    let [red, green, blue] = rgb.map(i32::from);
    let value = red.max(green).max(blue);
    let range = value - red.min(green).min(blue);
    let rounded = |product: i32| (product + (1 << (SHIFT - 1))) >> SHIFT;
    let division = &*DIVISION;
    let saturation = rounded(range * division.saturation[value as usize & 255]);
    let hue = if value == red {
        green - blue
    } else if value == green {
        blue - red + 2 * range
    } else {
        red - green + 4 * range
    };
    let hue = rounded(hue * division.hue[range as usize & 255]);
    [(if hue < 0 { hue + 180 } else { hue }) as u8, saturation as u8, value as u8]
}

/// `COLOR_HSV2RGB` of a pixel, levels up to 255 before they become whole.
fn rgb([hue, saturation, value]: [u8; 3]) -> [f32; 3] {
    let hue = f32::from(hue) * (6.0 / 180.0);
    let (saturation, value) = (f32::from(saturation) * (1.0 / 255.0), f32::from(value) * (1.0 / 255.0));
    let sector = hue as u32;
    let within = hue - sector as f32;
    // OpenCV multiplies and subtracts in one rounding; double precision does the same for these numbers.
    let without = |share: f32| (1.0 - f64::from(saturation) * f64::from(share)) as f32;
    let low = value * (1.0 - saturation);
    let falling = value * without(within);
    let rising = value * without(1.0 - within);
    let rgb = match sector % 6 {
        0 => [value, rising, low],
        1 => [falling, value, low],
        2 => [low, value, rising],
        3 => [low, falling, value],
        4 => [rising, low, value],
        _ => [value, low, falling],
    };
    rgb.map(|level| level * 255.0)
}
