//! From bytes a pixel to the planes of numbers that the network reads.

use super::Image;

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

/// The image as planes `[3, height, width]`, red first, values 0 to 1.
pub fn to_planes(image: &Image) -> Vec<f32> {
    let mut planes = vec![0.0; 3 * image.width * image.height];
    planes_into(image, &mut planes);
    planes
}

/// As [`to_planes`], into a slice of `3 * height * width` numbers, such as one image's place in a batch.
///
/// # Panics
/// If the slice is shorter than that.
pub fn planes_into(image: &Image, planes: &mut [f32]) {
    let size = image.width * image.height;
    let (red, rest) = planes.split_at_mut(size);
    let (green, blue) = rest.split_at_mut(size);
    let pixels = image.pixels();
    for (((&[r, g, b], red), green), blue) in pixels.iter().zip(red).zip(green).zip(blue) {
        *red = UNIT[usize::from(r)];
        *green = UNIT[usize::from(g)];
        *blue = UNIT[usize::from(b)];
    }
}

/// The image for a model of so many channels: three planes of colour as [`planes_into`], or for one channel a plane of grey,
/// as OpenCV's `COLOR_BGR2GRAY` makes it.
///
/// # Panics
/// If the slice is shorter than that.
pub fn channels_into(image: &Image, channels: usize, planes: &mut [f32]) {
    if channels != 1 {
        return planes_into(image, planes);
    }
    for (&[r, g, b], grey) in image.pixels().iter().zip(planes) {
        let [r, g, b] = [r, g, b].map(u32::from);
        *grey = UNIT[((9798 * r + 19_235 * g + 3735 * b + (1 << 14)) >> 15) as usize & 255];
    }
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
        let mut grey = vec![0.0; image.width];
        channels_into(&image, 1, &mut grey);
        let bytes: Vec<u8> = grey.iter().map(|value| (value * 255.0).round() as u8).collect();
        assert_eq!(bytes, [196, 53, 147, 101, 184, 199, 125, 145, 255, 0, 76, 150, 29, 114]);
    }

    #[test]
    fn colours_part_into_planes() {
        let image = Image { width: 2, height: 1, rgb: vec![0, 51, 255, 102, 1, 254] };
        assert_eq!(to_planes(&image), [0.0, 0.4, 0.2, 1.0 / 255.0, 1.0, 254.0 / 255.0]);
    }
}
