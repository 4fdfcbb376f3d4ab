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
        let (tables, colours) = (Tables::new(self.0), &*COLOURS);
        let pitch = 3 * picture.width.max(1);
        for row in picture.rgb.chunks_exact_mut(pitch) {
            let pixels = row.as_chunks_mut::<3>().0;
            let (many, rest) = pixels.split_at_mut(pixels.len() / LANES * LANES);
            // Neighbours are often equal, on grey padding above all.
            let mut last = [0; 3];
            let mut changed = colours.rgb(tables.change(colours.hsv(last)), |level| level as u8);
            for pixel in many {
                if *pixel != last {
                    last = *pixel;
                    changed = colours.rgb(tables.change(colours.hsv(last)), |level| level as u8);
                }
                *pixel = changed;
            }
            for pixel in rest {
                *pixel =
                    colours.rgb(tables.change(colours.hsv(*pixel)), |level| level.round_ties_even() as u8);
            }
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

/// What is the same for every picture.
struct Colours {
    /// Divisions by a byte as multiplications.
    saturation: [i32; 256],
    hue: [i32; 256],
    /// Bytes as shares of 255.
    share: [f32; 256],
    wheel: [Hue; 256],
}

/// A hue on the colour wheel.
#[derive(Clone, Copy)]
struct Hue {
    /// How far it is into its sixth, and what is left of that.
    within: [f64; 2],
    /// Which of the levels full, low, falling and rising red, green and blue have.
    levels: [u8; 3],
}

static COLOURS: LazyLock<Colours> = LazyLock::new(|| {
    let division = |whole: u32, parts: f64| {
        std::array::from_fn(|by| match by {
            0 => 0,
            by => (f64::from(whole << SHIFT) / (parts * by as f64)).round_ties_even() as i32,
        })
    };
    Colours {
        saturation: division(255, 1.0),
        hue: division(180, 6.0),
        share: std::array::from_fn(|level| level as f32 * (1.0 / 255.0)),
        wheel: std::array::from_fn(|hue| {
            let hue = hue as f32 * (6.0 / 180.0);
            let within = hue.fract();
            let levels = match hue as u32 % 6 {
                0 => [0, 3, 1],
                1 => [2, 0, 1],
                2 => [1, 0, 3],
                3 => [1, 2, 0],
                4 => [3, 1, 0],
                _ => [0, 1, 2],
            };
            Hue { within: [within, 1.0 - within].map(f64::from), levels }
        }),
    }
});

impl Colours {
    /// `COLOR_RGB2HSV` of a pixel.
    fn hsv(&self, rgb: [u8; 3]) -> [u8; 3] {
        let [red, green, blue] = rgb.map(i32::from);
        let value = red.max(green).max(blue);
        let range = value - red.min(green).min(blue);
        let rounded = |product: i32| (product + (1 << (SHIFT - 1))) >> SHIFT;
        let saturation = rounded(range * self.saturation[value as usize & 255]);
        let hue = if value == red {
            green - blue
        } else if value == green {
            blue - red + 2 * range
        } else {
            red - green + 4 * range
        };
        let hue = rounded(hue * self.hue[range as usize & 255]);
        [(if hue < 0 { hue + 180 } else { hue }) as u8, saturation as u8, value as u8]
    }

    /// `COLOR_HSV2RGB` of a pixel; `whole` makes bytes of levels up to 255.
    fn rgb(&self, [hue, saturation, value]: [u8; 3], whole: impl Fn(f32) -> u8) -> [u8; 3] {
        let Hue { within: [within, left], levels } = self.wheel[usize::from(hue)];
        let (saturation, value) = (self.share[usize::from(saturation)], self.share[usize::from(value)]);
        // OpenCV multiplies and subtracts in one rounding; double precision does the same for these numbers.
        let without = |share: f64| (1.0 - f64::from(saturation) * share) as f32;
        let (low, falling, rising) =
            (value * (1.0 - saturation), value * without(within), value * without(left));
        let bytes = [value, low, falling, rising].map(|level| whole(level * 255.0));
        levels.map(|level| bytes[usize::from(level & 3)])
    }
}
