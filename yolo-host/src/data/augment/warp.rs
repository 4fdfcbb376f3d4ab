//! `cv2.warpAffine` and `cv2.warpPerspective` on 8-bit images, bilinear on grey, equal to OpenCV's results to
//! the bit: positions are whole thirty-seconds of a pixel.

use crate::image::{Image, PADDING};

/// Three rows of three.
pub type Matrix = [[f64; 3]; 3];

/// Steps to a pixel.
const STEPS: i32 = 32;

/// Bits behind the point of an affine map's positions, before they become [`STEPS`].
const BITS: u32 = 10;

/// OpenCV works in blocks of 64 columns; where each starts shows in the last digit of a perspective's positions.
const BLOCK: usize = 64;

pub fn identity() -> Matrix {
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
}

pub fn multiply(a: &Matrix, b: &Matrix) -> Matrix {
    let cell = |i: usize, j: usize| a[i][0] * b[0][j] + a[i][1] * b[1][j] + a[i][2] * b[2][j];
    std::array::from_fn(|i| std::array::from_fn(|j| cell(i, j)))
}

/// The image under an affine map (the last row is not looked at), in a size of height and width.
pub fn warp_affine(image: &Image, matrix: &Matrix, size: (usize, usize)) -> Image {
    let [[a, b, c], [d, e, f], _] = *matrix;
    let det = a * e - b * d;
    let det = if det == 0.0 { 0.0 } else { 1.0 / det };
    let (a, b, d, e) = (e * det, b * -det, d * -det, a * det);
    let (c, f) = (-a * c - b * f, -d * c - e * f);

    let one = f64::from(1 << BITS);
    let fixed = |value: f64| value.round_ties_even() as i32;
    let along: Vec<[i32; 2]> =
        (0..size.1).map(|x| [fixed(a * x as f64 * one), fixed(d * x as f64 * one)]).collect();
    let half = 1 << (BITS - 6); // half a step
    remap(image, size, |y, row| {
        let start = [b * y as f64 + c, e * y as f64 + f].map(|at| fixed(at * one).wrapping_add(half));
        for (place, along) in row.iter_mut().zip(&along) {
            *place = [0, 1].map(|axis| start[axis].wrapping_add(along[axis]) >> (BITS - 5));
        }
    })
}

/// The image under a perspective map, in a size of height and width.
pub fn warp_perspective(image: &Image, matrix: &Matrix, size: (usize, usize)) -> Image {
    let m = inverse(matrix);
    let block_h = (BLOCK / 4).min(size.0.max(1));
    let block_w = (BLOCK * BLOCK / 4 / block_h).min(size.1.max(1));
    remap(image, size, |y, row| {
        for (block, places) in row.chunks_mut(block_w).enumerate() {
            let [x0, y0, w0] =
                m.map(|[by_x, by_y, plain]| by_x * (block * block_w) as f64 + by_y * y as f64 + plain);
            for (x, place) in places.iter_mut().enumerate() {
                let x = x as f64;
                let by = w0 + m[2][0] * x;
                let by = if by == 0.0 { 0.0 } else { f64::from(STEPS) / by };
                *place =
                    [(x0 + m[0][0] * x) * by, (y0 + m[1][0] * x) * by].map(|at| at.round_ties_even() as i32);
            }
        }
    })
}

/// OpenCV's inverse of a matrix of three rows; nought where there is none.
fn inverse(m: &Matrix) -> Matrix {
    let minor = |r: [usize; 2], c: [usize; 2]| m[r[0]][c[0]] * m[r[1]][c[1]] - m[r[0]][c[1]] * m[r[1]][c[0]];
    let det =
        m[0][0] * minor([1, 2], [1, 2]) - m[0][1] * minor([1, 2], [0, 2]) + m[0][2] * minor([1, 2], [0, 1]);
    let by = if det == 0.0 { 0.0 } else { 1.0 / det };
    // Minors with their rows exchanged bring their sign along.
    [
        [minor([1, 2], [1, 2]) * by, minor([0, 2], [2, 1]) * by, minor([0, 1], [1, 2]) * by],
        [minor([1, 2], [2, 0]) * by, minor([0, 2], [0, 2]) * by, minor([0, 1], [2, 0]) * by],
        [minor([1, 2], [0, 1]) * by, minor([0, 2], [1, 0]) * by, minor([0, 1], [0, 1]) * by],
    ]
}

/// Fills an image from another: `places` says for a row where each pixel lies, x and y in steps.
fn remap(image: &Image, size: (usize, usize), places: impl Fn(usize, &mut [[i32; 2]])) -> Image {
    let (height, width) = size;
    let mut rgb = vec![0; 3 * width * height];
    let mut row = vec![[0; 2]; width];
    for (y, to) in rgb.chunks_exact_mut(3 * width.max(1)).enumerate() {
        places(y, &mut row);
        for (pixel, place) in to.as_chunks_mut::<3>().0.iter_mut().zip(&row) {
            *pixel = sample(image, *place);
        }
    }
    Image { width, height, rgb }
}

/// The mean of the four pixels around a place, weighed by how near they are.
fn sample(image: &Image, place: [i32; 2]) -> [u8; 3] {
    let [x, y] = place.map(|at| at >> 5);
    let [right, below] = place.map(|at| (at & (STEPS - 1)) as u64);
    let (left, above) = (STEPS as u64 - right, STEPS as u64 - below);
    let weights = [left * above, right * above, left * below, right * below];
    // The three channels in one number, 21 bits each: a weighed sum has 18.
    let spread = |[r, g, b]: &[u8; 3]| u64::from(*r) | u64::from(*g) << 21 | u64::from(*b) << 42;
    let mean = |pixels: [&[u8; 3]; 4]| {
        let half = 512 * (1 | 1 << 21 | 1 << 42);
        let sum: u64 = (0..4).map(|i| weights[i] * spread(pixels[i])).sum::<u64>() + half;
        [10, 31, 52].map(|shift| (sum >> shift) as u8)
    };
    let pixels = image.pixels();
    let (width, height) = (image.width as i32, image.height as i32);
    // One comparison for both ends: what is below nought is large without a sign.
    if (x as u32) < (width - 1).max(0) as u32 && (y as u32) < (height - 1).max(0) as u32 {
        let at = y as usize * image.width + x as usize;
        let (above, below) = (&pixels[at..at + 2], &pixels[at + image.width..at + image.width + 2]);
        return mean([&above[0], &above[1], &below[0], &below[1]]);
    }
    if x < -1 || y < -1 || x >= width || y >= height {
        return [PADDING; 3];
    }
    let at = |x: i32, y: i32| {
        let inside = (0..width).contains(&x) && (0..height).contains(&y);
        if inside { &pixels[y as usize * image.width + x as usize] } else { &[PADDING; 3] }
    };
    mean([at(x, y), at(x + 1, y), at(x, y + 1), at(x + 1, y + 1)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_by_its_inverse_is_the_identity() {
        let matrix = [[1.5, -0.25, 30.0], [0.5, 0.75, -12.0], [0.001, -0.002, 1.25]];
        let product = multiply(&matrix, &inverse(&matrix));
        for (row, values) in product.iter().enumerate() {
            for (column, value) in values.iter().enumerate() {
                let expected = if row == column { 1.0 } else { 0.0 };
                assert!((value - expected).abs() < 1e-12, "{row}, {column}: {value}");
            }
        }
        assert_eq!(inverse(&[[0.0; 3]; 3]), [[0.0; 3]; 3]);
    }
}
