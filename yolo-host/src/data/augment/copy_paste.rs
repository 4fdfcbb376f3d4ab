//! Outlined objects pasted once more, mirrored: upstream's `copy_paste`.

use super::{Object, Scene, fill_polygon};
use crate::random::Stream;

/// Which of `count` outlined objects are pasted, `share` of them, in random order.
pub fn draw(stream: &mut Stream, count: usize, share: f64) -> Vec<usize> {
    let mut all: Vec<usize> = (0..count).collect();
    stream.shuffle(&mut all);
    all.truncate((share * count as f64).round_ties_even() as usize);
    all
}

/// Pastes the `chosen` among the outlined objects, left and right exchanged, where they cover under 30 % of each object
/// that is there. `chosen` counts objects with an outline, and those beyond are passed over.
///
/// As upstream, a sample of nought is not pasted.
pub fn copy_paste(scene: &mut Scene, chosen: &[usize]) {
    let outlined: Vec<usize> =
        (0..scene.objects.len()).filter(|&i| !scene.objects[i].segment.is_empty()).collect();
    let (width, height) = (scene.image.width, scene.image.height);
    let mut mask = vec![false; width * height];
    for &index in chosen.iter().filter_map(|&index| outlined.get(index)) {
        let object = scene.objects[index].clone();
        let [left, top, right, bottom] = object.corners;
        let corners = [width as f32 - right, top, width as f32 - left, bottom];
        if scene.objects.iter().all(|other| covered(&corners, &other.corners) < 0.3) {
            let points: Vec<_> = object.segment.iter().map(|point| point.map(|at| at as i32)).collect();
            fill_polygon(&mut mask, (height, width), &points);
            let segment = object.segment.iter().map(|[x, y]| [width as f32 - x, *y]).collect();
            scene.objects.push(Object { corners, segment, class: object.class });
        }
    }
    if width == 0 {
        return;
    }
    // Read from the image as it was: a pasted sample must not be pasted again.
    let before = scene.image.rgb.clone();
    let rows = scene.image.rgb.chunks_exact_mut(3 * width).zip(before.chunks_exact(3 * width));
    for ((to, from), mask) in rows.zip(mask.chunks_exact(width)) {
        let mirrored = from.as_chunks::<3>().0.iter().zip(mask).rev();
        for (to, (from, _)) in
            to.as_chunks_mut::<3>().0.iter_mut().zip(mirrored).filter(|(_, (_, mask))| **mask)
        {
            for (to, &from) in to.iter_mut().zip(from).filter(|(_, from)| **from > 0) {
                *to = from;
            }
        }
    }
}

/// The share of `other` that `corners` cover: upstream's `bbox_ioa`.
fn covered(corners: &[f32; 4], other: &[f32; 4]) -> f32 {
    let overlap = |low: usize| {
        let high = low + 2;
        (corners[high].min(other[high]) - corners[low].max(other[low])).max(0.0)
    };
    overlap(0) * overlap(1) / ((other[2] - other[0]) * (other[3] - other[1]) + 1e-7)
}
