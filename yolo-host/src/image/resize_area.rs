//! `cv2.resize(…, interpolation=INTER_AREA)` on 8-bit images that shrink, equal to OpenCV's result to the bit.

use super::Image;
use super::resize::resize_linear;

/// The image in a smaller size, each pixel the mean of what it covers.
///
/// A side that would grow is left to [`resize_linear`], where OpenCV has a third way.
pub fn resize_area(image: &Image, width: usize, height: usize) -> Image {
    if width == 0 || height == 0 || width > image.width || height > image.height {
        return resize_linear(image, width, height);
    }
    if (image.width, image.height) == (width, height) {
        return image.clone();
    }
    if image.width.is_multiple_of(width) && image.height.is_multiple_of(height) {
        whole(image, width, height)
    } else {
        fractional(image, width, height)
    }
}

/// Whole blocks of pixels to one.
fn whole(image: &Image, width: usize, height: usize) -> Image {
    let (across, down) = (image.width / width, image.height / height);
    if (across, down) == (2, 2) {
        return resize_linear(image, width, height); // the same mean of four
    }
    let share = 1.0 / (across * down) as f32;
    let mut rgb = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            let mut sum = [0_u32; 3];
            for row in y * down..(y + 1) * down {
                let pixels = &image.pixels()[row * image.width + x * across..][..across];
                for pixel in pixels {
                    (0..3).for_each(|channel| sum[channel] += u32::from(pixel[channel]));
                }
            }
            rgb.extend(sum.map(|sum| (sum as f32 * share).round_ties_even() as u8));
        }
    }
    Image { width, height, rgb }
}

/// An input position and its weight in an output position.
struct Part {
    to: usize,
    from: usize,
    weight: f32,
}

/// Which input positions make up each output position.
fn parts(from: usize, to: usize) -> Vec<Part> {
    let scale = from as f64 / to as f64;
    let mut parts = Vec::new();
    for to in 0..to {
        let (start, end) = (to as f64 * scale, to as f64 * scale + scale);
        let cell = scale.min(from as f64 - start);
        let last = (end.floor() as usize).min(from - 1);
        let first = (start.ceil() as usize).min(last);
        let mut part = |from: usize, weight: f64| parts.push(Part { to, from, weight: weight as f32 });
        if first as f64 - start > 1e-3 {
            part(first - 1, (first as f64 - start) / cell);
        }
        (first..last).for_each(|from| part(from, 1.0 / cell));
        if end - last as f64 > 1e-3 {
            part(last, (end - last as f64).min(1.0).min(cell) / cell);
        }
    }
    parts
}

/// Pixels that lie across a border count in part: first along rows, then down columns, in single precision.
fn fractional(image: &Image, width: usize, height: usize) -> Image {
    let columns = parts(image.width, width);
    let mut rgb = vec![0; 3 * width * height];
    let mut row = vec![[0.0_f32; 3]; width];
    let mut sum = vec![[0.0_f32; 3]; width];
    let rows = parts(image.height, height);
    for lines in rows.chunk_by(|a, b| a.to == b.to) {
        sum.fill([0.0; 3]);
        for line in lines {
            row.fill([0.0; 3]);
            let pixels = &image.pixels()[line.from * image.width..][..image.width];
            for part in &columns {
                let (to, from) = (&mut row[part.to], &pixels[part.from]);
                (0..3).for_each(|channel| to[channel] += f32::from(from[channel]) * part.weight);
            }
            for (sum, row) in sum.iter_mut().zip(&row) {
                (0..3).for_each(|channel| sum[channel] += row[channel] * line.weight);
            }
        }
        let to = &mut rgb[3 * lines[0].to * width..][..3 * width];
        to.iter_mut().zip(sum.as_flattened()).for_each(|(to, sum)| *to = sum.round_ties_even() as u8);
    }
    Image { width, height, rgb }
}
