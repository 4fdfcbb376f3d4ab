//! From bytes a pixel to the planes of numbers that the network reads.

use super::Picture;

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

/// The picture as planes `[3, height, width]`, red first, values 0 to 1.
pub fn to_planes(picture: &Picture) -> Vec<f32> {
    let mut planes = vec![0.0; 3 * picture.width * picture.height];
    planes_into(picture, &mut planes);
    planes
}

/// As [`to_planes`], into a slice of `3 * height * width` numbers, such as one picture's place in a batch.
///
/// # Panics
/// If the slice is shorter than that.
pub fn planes_into(picture: &Picture, planes: &mut [f32]) {
    let size = picture.width * picture.height;
    let (red, rest) = planes.split_at_mut(size);
    let (green, blue) = rest.split_at_mut(size);
    let pixels = picture.pixels();
    for (((&[r, g, b], red), green), blue) in pixels.iter().zip(red).zip(green).zip(blue) {
        *red = UNIT[usize::from(r)];
        *green = UNIT[usize::from(g)];
        *blue = UNIT[usize::from(b)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_part_into_planes() {
        let picture = Picture { width: 2, height: 1, rgb: vec![0, 51, 255, 102, 1, 254] };
        assert_eq!(to_planes(&picture), [0.0, 0.4, 0.2, 1.0 / 255.0, 1.0, 254.0 / 255.0]);
    }
}
