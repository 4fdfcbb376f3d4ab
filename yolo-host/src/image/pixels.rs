//! Pixels as the network reads them: of one channel or three, in bytes, or widened to planes of numbers where a step
//! between them and the first layer computes.

use std::borrow::Cow;

use super::Image;
use rayon::prelude::*;

/// Every byte as PyTorch's `im.float() / 255` makes it. A table, because a division a sample takes longer.
static UNIT: [f32; 256] = unit();

const fn unit() -> [f32; 256] {
    let mut table = [0.0; 256];
    let mut value = 0;
    while value < table.len() {
        table[value] = value as f32 / 255.0;
        value += 1;
    }
    table
}

/// The image's pixels `[height, width, channels]` for a model of so many channels: as they are for three, and for one in
/// grey, as OpenCV's `COLOR_BGR2GRAY` makes it.
pub fn pixels(image: &Image, channels: usize) -> Cow<'_, [u8]> {
    if channels != 1 {
        return Cow::Borrowed(&image.rgb);
    }
    let grey = |&[r, g, b]: &[u8; 3]| {
        let [r, g, b] = [r, g, b].map(u32::from);
        ((9798 * r + 19_235 * g + 3735 * b + (1 << 14)) >> 15) as u8
    };
    Cow::Owned(image.pixels().iter().map(grey).collect())
}

/// Pixels `[batch, height, width, channels]` as planes `[batch, channels, height, width]` of 0 to 1; `shape` is that of the
/// planes. What does not fill an image is left out.
pub fn pixels_to_planes(pixels: &[u8], shape: [usize; 4]) -> Vec<f32> {
    let [batch, channels, height, width] = shape;
    let (plane, size) = ((height * width).max(1), (channels * height * width).max(1));
    let mut planes = vec![0.0; batch * channels * height * width];
    planes.par_chunks_exact_mut(size).zip(pixels.par_chunks_exact(size)).for_each(|(planes, pixels)| {
        for (channel, plane) in planes.chunks_exact_mut(plane).enumerate() {
            for (number, byte) in plane.iter_mut().zip(pixels[channel..].iter().step_by(channels)) {
                *number = UNIT[usize::from(*byte)];
            }
        }
    });
    planes
}

/// The image as planes `[3, height, width]`, red first, values 0 to 1.
pub fn to_planes(image: &Image) -> Vec<f32> {
    pixels_to_planes(&image.rgb, [1, 3, image.height, image.width])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `cv2.cvtColor(…, cv2.COLOR_BGR2GRAY)`, OpenCV 4.11.
    #[test]
    fn grey_is_opencvs() {
        let rgb = [
            126, 231, 195, 43, 37, 166, 210, 101, 223, 224, 54, 16, 140, 235, 37, 137, 255, 72, 79, 133, 203,
            129, 144, 192, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 114, 114, 114,
        ];
        let image = Image { width: rgb.len() / 3, height: 1, rgb: rgb.to_vec() };
        let grey = [196, 53, 147, 101, 184, 199, 125, 145, 255, 0, 76, 150, 29, 114];
        assert_eq!(*pixels(&image, 1), grey);
        assert_eq!(*pixels(&image, 3), rgb);
    }

    #[test]
    fn colours_part_into_planes() {
        let image = Image { width: 2, height: 1, rgb: vec![0, 51, 255, 102, 1, 254] };
        assert_eq!(to_planes(&image), [0.0, 0.4, 0.2, 1.0 / 255.0, 1.0, 254.0 / 255.0]);
        let both = [image.rgb.clone(), vec![255; 6]].concat();
        assert_eq!(pixels_to_planes(&both, [2, 3, 1, 2]), [to_planes(&image), vec![1.0; 6]].concat());
        assert_eq!(pixels_to_planes(&both, [3, 1, 2, 2])[..4], [0.0, 0.2, 1.0, 0.4]);
        assert!(pixels_to_planes(&[], [0, 3, 4, 4]).is_empty());
    }
}
