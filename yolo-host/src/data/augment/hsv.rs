//! Colours changed by hue, saturation and brightness: upstream's `augment_hsv`, equal to it to the bit.
//!
//! OpenCV goes to 8-bit HSV (hue in steps of two degrees) by whole numbers and back by single-precision ones.

use std::sync::LazyLock;

use super::AugmentHyper;
use crate::image::Image;
use crate::random::Stream;

/// Bits behind the point of the tables of [`Division`].
const SHIFT: u32 = 12;

/// OpenCV converts this many pixels of a row at once, and the rest of the row by another rounding. So do we, a channel after
/// the other, so that the compiler makes vectors of them.
const LANES: usize = 32;

/// A block of pixels, and one channel of it.
type Block = [[u8; 3]; LANES];
type Lanes<T> = [T; LANES];

/// Factors of hue, saturation and brightness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HsvGains(pub [f64; 3]);

impl HsvGains {
    /// Draws factors around 1.
    pub fn draw(stream: &mut Stream, hyper: &AugmentHyper) -> Self {
        Self([hyper.hsv_h, hyper.hsv_s, hyper.hsv_v].map(|gain| stream.between(-1.0, 1.0) * gain + 1.0))
    }

    /// Changes the colours of an image.
    pub fn apply(&self, image: &mut Image) {
        let (tables, colours) = (Tables::new(self.0), &*COLOURS);
        let pitch = 3 * image.width.max(1);
        for row in image.rgb.chunks_exact_mut(pitch) {
            let (blocks, rest) = row.as_chunks_mut::<3>().0.as_chunks_mut::<LANES>();
            for block in blocks {
                colours.change(&tables, block, |level| level as i32);
            }
            let mut last = [[0; 3]; LANES];
            last[..rest.len()].copy_from_slice(rest);
            colours.change(&tables, &mut last, |level| level.round_ties_even() as i32);
            rest.copy_from_slice(&last[..rest.len()]);
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
}

/// What is the same for every image.
struct Colours {
    /// Divisions by a byte as multiplications.
    saturation: [i32; 256],
    hue: [i32; 256],
    /// Bytes as shares of 255.
    share: [f32; 256],
    /// Which sixth of the colour wheel a hue is in.
    sixth: [u8; 256],
    /// By hue and saturation, the share of the brightness that the middle one of red, green and blue has.
    middle: Vec<[f32; 256]>,
}

static COLOURS: LazyLock<Colours> = LazyLock::new(|| {
    let division = |whole: u32, parts: f64| {
        std::array::from_fn(|by| match by {
            0 => 0,
            by => (f64::from(whole << SHIFT) / (parts * by as f64)).round_ties_even() as i32,
        })
    };
    let turn = |hue: usize| hue as f32 * (6.0 / 180.0);
    let share: [f32; 256] = std::array::from_fn(|level| level as f32 * (1.0 / 255.0));
    let middle = |hue: usize| {
        // It rises through the even sixths, and falls through the odd ones.
        let within = turn(hue).fract();
        let rises = (turn(hue) as u32).is_multiple_of(2);
        let less = f64::from(if rises { 1.0 - within } else { within });
        // OpenCV multiplies and subtracts in one rounding; double precision does the same for these numbers.
        share.map(|saturation| (1.0 - f64::from(saturation) * less) as f32)
    };
    Colours {
        saturation: division(255, 1.0),
        hue: division(180, 6.0),
        share,
        sixth: std::array::from_fn(|hue| turn(hue) as u8 % 6),
        middle: (0..256).map(middle).collect(),
    }
});

impl Colours {
    /// `COLOR_RGB2HSV`, the tables, and `COLOR_HSV2RGB`; `whole` makes bytes of levels up to 255.
    #[inline(always)]
    fn change(&self, tables: &Tables, pixels: &mut Block, whole: impl Fn(f32) -> i32) {
        let channel = |c: usize| -> Lanes<u8> { std::array::from_fn(|i| pixels[i][c]) };
        let [red, green, blue] = [0, 1, 2].map(channel);
        let high: Lanes<u8> = std::array::from_fn(|i| red[i].max(green[i]).max(blue[i]));
        let range: Lanes<u8> = std::array::from_fn(|i| high[i] - red[i].min(green[i]).min(blue[i]));
        let turn: Lanes<i16> = std::array::from_fn(|i| {
            let [red, green, blue, high, range] =
                [red[i], green[i], blue[i], high[i], range[i]].map(i16::from);
            let below = if high == green { blue - red + 2 * range } else { red - green + 4 * range };
            if high == red { green - blue } else { below }
        });

        let rounded = |product: i32| (product + (1 << (SHIFT - 1))) >> SHIFT;
        let at = |table: &[u8; 256], value: i32| usize::from(table[(value & 255) as usize]);
        let Tables([hues, saturations, values]) = tables;
        let [mut value, mut least, mut middle] = [[0.0; LANES]; 3];
        let mut sixth = [0; LANES];
        for i in 0..LANES {
            let (high, range) = (usize::from(high[i]), usize::from(range[i]));
            let saturation = at(saturations, rounded(range as i32 * self.saturation[high]));
            let hue = rounded(i32::from(turn[i]) * self.hue[range]);
            let hue = at(hues, if hue < 0 { hue + 180 } else { hue });
            value[i] = self.share[usize::from(values[high])];
            least[i] = 1.0 - self.share[saturation];
            middle[i] = self.middle[hue][saturation];
            sixth[i] = self.sixth[hue];
        }

        let bytes = |part: &dyn Fn(usize) -> f32| -> Lanes<u8> {
            std::array::from_fn(|i| whole(part(i) * 255.0) as u8)
        };
        let high = bytes(&|i| value[i]);
        let low = bytes(&|i| value[i] * least[i]);
        let middle = bytes(&|i| value[i] * middle[i]);
        // In two sixths of the wheel a colour is the highest, in two the middle one.
        let pick = |i: usize, highest: [u8; 2], between: [u8; 2]| {
            let other = if between.contains(&sixth[i]) { middle[i] } else { low[i] };
            if highest.contains(&sixth[i]) { high[i] } else { other }
        };
        for (i, pixel) in pixels.iter_mut().enumerate() {
            *pixel = [pick(i, [0, 5], [1, 4]), pick(i, [1, 2], [0, 3]), pick(i, [3, 4], [2, 5])];
        }
    }
}
