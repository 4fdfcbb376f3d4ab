//! Mirrored images and their boxes.

use crate::data::Label;
use crate::image::Image;

/// Exchanges left and right, as `np.fliplr`.
pub fn flip_left_right(image: &mut Image, labels: &mut [Label]) {
    let pitch = 3 * image.width.max(1);
    image.rgb.chunks_exact_mut(pitch).for_each(|row| row.as_chunks_mut::<3>().0.reverse());
    mirror(labels, 0);
}

/// Exchanges top and bottom, as `np.flipud`.
pub fn flip_up_down(image: &mut Image, labels: &mut [Label]) {
    let pitch = 3 * image.width.max(1);
    let (top, bottom) = image.rgb.split_at_mut(image.height / 2 * pitch);
    let pairs = top.chunks_exact_mut(pitch).zip(bottom.chunks_exact_mut(pitch).rev());
    pairs.for_each(|(upper, lower)| upper.swap_with_slice(lower));
    mirror(labels, 1);
}

fn mirror(labels: &mut [Label], axis: usize) {
    for label in labels {
        label.rect[axis] = f64::from(1.0 - label.rect[axis] as f32);
        label.segment.iter_mut().for_each(|point| point[axis] = 1.0 - point[axis]);
    }
}
