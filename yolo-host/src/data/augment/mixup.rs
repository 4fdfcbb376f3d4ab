//! One image seen through another: upstream's `mixup`.

use super::Scene;
use crate::random::Stream;

/// The first image's share, from the distribution Beta(32, 32).
pub fn draw_ratio(stream: &mut Stream) -> f64 {
    // The median of 63 uniform numbers has just this distribution.
    let mut numbers: [f64; 63] = std::array::from_fn(|_| stream.uniform());
    numbers.sort_by(f64::total_cmp);
    numbers[31]
}

/// Mixes `other` into `scene`, of which `ratio` stays; the objects of both are there. Both are of one size.
pub fn mixup(scene: &mut Scene, other: Scene, ratio: f64) {
    let table = |share: f64| -> [f64; 256] { std::array::from_fn(|level| level as f64 * share) };
    let (of_this, of_other) = (table(ratio), table(1.0 - ratio));
    for (level, &other) in scene.image.rgb.iter_mut().zip(&other.image.rgb) {
        *level = (of_this[usize::from(*level)] + of_other[usize::from(other)]) as u8;
    }
    scene.objects.extend(other.objects);
}
