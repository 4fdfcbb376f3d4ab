//! From samples to pixels: libjpeg's "fancy" upsampling (`jdsample.c`) and its colours (`jdcolor.c`).

use super::blocks::Plane;
use super::frame::Frame;
use super::segments::Colours;

/// The pixels of the whole picture, 3 bytes each.
pub(super) fn rgb(frame: Frame, colours: Colours) -> Option<Vec<u8>> {
    let (width, height) = (frame.width, frame.height);
    let planes = frame
        .components
        .into_iter()
        .map(Plane::new)
        .collect::<Option<Vec<_>>>()?;
    let mut rgb = vec![0; 3 * width * height];
    let mut rows = vec![Row::default(); planes.len()];
    for (y, pixels) in rgb.chunks_exact_mut(3 * width).enumerate() {
        for (row, plane) in rows.iter_mut().zip(&planes) {
            row.fill(plane, y);
        }
        let pixels = pixels.as_chunks_mut().0;
        match (&rows[..], colours) {
            ([grey], _) => pixels
                .iter_mut()
                .zip(&grey.samples)
                .for_each(|(pixel, &grey)| *pixel = [grey; 3]),
            ([r, g, b], Colours::Rgb) => join(pixels, [r, g, b], |r, g, b| [r, g, b]),
            ([y, cb, cr], Colours::YCbCr) => join(pixels, [y, cb, cr], from_ycbcr),
            _ => return None,
        }
    }
    Some(rgb)
}

/// Makes pixels of the samples of three colours.
fn join(pixels: &mut [[u8; 3]], rows: [&Row; 3], colour: impl Fn(u8, u8, u8) -> [u8; 3]) {
    let [a, b, c] = rows.map(|row| row.samples.iter());
    for (((pixel, &a), &b), &c) in pixels.iter_mut().zip(a).zip(b).zip(c) {
        *pixel = colour(a, b, c);
    }
}

fn from_ycbcr(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    const fn fixed(value: f64) -> i32 {
        (value * 65536.0 + 0.5) as i32
    }
    const HALF: i32 = 1 << 15;
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let red = (fixed(1.402) * cr + HALF) >> 16;
    let green = (-fixed(0.34414) * cb - fixed(0.71414) * cr + HALF) >> 16;
    let blue = (fixed(1.772) * cb + HALF) >> 16;
    [red, green, blue].map(|difference| (y + difference).clamp(0, 255) as u8)
}

/// One colour of a row of pixels, and room to work it out.
#[derive(Clone, Default)]
struct Row {
    samples: Vec<u8>,
    sums: Vec<u16>,
}

impl Row {
    /// Works out row `y` of the picture from the samples of a colour. Where there is one sample to two pixels, the
    /// nearer sample counts three times and the farther one once, in each direction; what rounds up alternates.
    fn fill(&mut self, plane: &Plane, y: usize) {
        let (across, down) = plane.step;
        let below = y % down == 1;
        let near = plane.row(y / down);
        let far = plane.row(if below {
            y / down + 1
        } else {
            (y / down).saturating_sub(1)
        });
        self.samples.clear();
        if across == 2 && plane.width <= 2 {
            // Too narrow for libjpeg to be fancy.
            self.samples.extend(near.iter().flat_map(|&sample| [sample; 2]));
            return;
        }
        self.sums.clear();
        match (across, down) {
            (1, 1) => self.samples.extend_from_slice(near),
            (1, _) => {
                let bias = if below { 2 } else { 1 };
                self.samples
                    .extend(weighed(near, far).map(|sum| ((sum + bias) >> 2) as u8));
            }
            (_, 1) => {
                self.sums.extend(near.iter().map(|&sample| u16::from(sample)));
                self.widen(1, 2, 2);
            }
            (_, _) => {
                self.sums.extend(weighed(near, far));
                self.widen(8, 7, 4);
            }
        }
    }

    /// Makes two samples of every sum, and drops `shift` bits; the biases are of left and right ones.
    fn widen(&mut self, left_bias: u16, right_bias: u16, shift: u32) {
        let sums = &self.sums;
        let last = sums.len() - 1;
        self.samples.resize(2 * sums.len(), 0);
        let pairs = self.samples.as_chunks_mut::<2>().0;
        for (at, pair) in pairs.iter_mut().enumerate() {
            let sum = 3 * sums[at];
            let left = sum + sums[at.saturating_sub(1)] + left_bias;
            let right = sum + sums[(at + 1).min(last)] + right_bias;
            *pair = [(left >> shift) as u8, (right >> shift) as u8];
        }
    }
}

fn weighed(near: &[u8], far: &[u8]) -> impl Iterator<Item = u16> {
    near.iter()
        .zip(far)
        .map(|(&near, &far)| 3 * u16::from(near) + u16::from(far))
}
