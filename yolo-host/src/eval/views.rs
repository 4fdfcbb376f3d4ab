//! Test-time augmentation: an image looked at in three sizes, once mirrored, and what is found in each view brought back to
//! the image (v6.1 `Model._forward_augment`).

use crate::image::bilinear::taps;
use std::ops::Range;

/// The grey below and right of a smaller view: the mean of ImageNet's images.
const PADDING: f32 = 0.447;

/// Which rows of a view count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    All,
    /// Without those of the coarsest map: large objects are left to the smaller views.
    WithoutLast,
    /// Without those of the finest map.
    WithoutFirst,
}

/// One way to look at an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    scale: f64,
    mirrored: bool,
    part: Part,
}

const PLAIN: [View; 1] = [View { scale: 1.0, mirrored: false, part: Part::All }];
const AUGMENTED: [View; 3] = [
    View { scale: 1.0, mirrored: false, part: Part::WithoutLast },
    View { scale: 0.83, mirrored: true, part: Part::All },
    View { scale: 0.67, mirrored: false, part: Part::WithoutFirst },
];

/// The image as it is, or with `augment` the three views, whose rows follow one another before suppression.
pub fn views(augment: bool) -> &'static [View] {
    if augment { &AUGMENTED } else { &PLAIN }
}

impl View {
    /// Whether it shows the image as it is.
    pub fn is_whole(&self) -> bool {
        self.scale == 1.0 && !self.mirrored
    }

    /// The view of planes `[n, c, height, width]` and its shape, sides multiples of `stride` (v6.1 `scale_img`).
    pub fn look(&self, planes: &[f32], shape: [usize; 4], stride: usize) -> (Vec<f32>, [usize; 4]) {
        let [n, channels, height, width] = shape;
        let scaled = |side: usize| ((side as f64 * self.scale) as usize).max(1);
        let padded = |side: usize| (side as f64 * self.scale / stride as f64).ceil() as usize * stride;
        let (rows, mut columns) = (taps(height, scaled(height)), taps(width, scaled(width)));
        if self.mirrored {
            let turned = |at: usize| width.saturating_sub(1) - at;
            columns
                .iter_mut()
                .for_each(|tap| (tap.first, tap.second) = (turned(tap.first), turned(tap.second)));
        }
        let (tall, wide) = (padded(height), padded(width));
        let mut view = vec![PADDING; n * channels * tall * wide];
        let size = (height * width).max(1);
        for (from, to) in planes.chunks_exact(size).zip(view.chunks_exact_mut((tall * wide).max(1))) {
            for (line, row) in to.chunks_exact_mut(wide).zip(&rows) {
                let [top, bottom] = [row.first, row.second].map(|at| &from[at * width..][..width]);
                for (pixel, column) in line.iter_mut().zip(&columns) {
                    *pixel = row.between(column.mix(top), column.mix(bottom));
                }
            }
        }
        (view, [n, channels, tall, wide])
    }

    /// Which rows count of maps that decode to so many (v6.1 `_clip_augmented`): those of a map, where each is half the size
    /// of the one before.
    pub fn rows(&self, maps: &[usize]) -> Range<usize> {
        let all: usize = maps.iter().sum();
        let power = |i: usize| 4usize.saturating_pow(i as u32);
        let coarsest = all / (0..maps.len()).map(power).fold(0usize, usize::saturating_add).max(1);
        match self.part {
            Part::All => 0..all,
            Part::WithoutLast => 0..all - coarsest,
            Part::WithoutFirst => coarsest * power(maps.len().saturating_sub(1))..all,
        }
    }

    /// Brings rows of length `no` back, in place, to an image of this width (v6.1 `_descale_pred`).
    pub fn restore(&self, rows: &mut [f32], no: usize, width: usize) {
        if self.scale != 1.0 {
            let scale = self.scale as f32;
            rows.chunks_exact_mut(no).for_each(|row| row[..4].iter_mut().for_each(|side| *side /= scale));
        }
        if self.mirrored {
            rows.chunks_exact_mut(no).for_each(|row| row[0] = width as f32 - row[0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clipped_is_the_coarsest_of_the_large_and_the_finest_of_the_small() {
        let maps = [8 * 12, 4 * 6, 2 * 3].map(|cells| 3 * cells);
        let [large, middle, small] = AUGMENTED.map(|view| view.rows(&maps));
        assert_eq!(
            (large, middle, small),
            (0..3 * (96 + 24), 0..3 * (96 + 24 + 6), 3 * 96..3 * (96 + 24 + 6))
        );
        assert_eq!(PLAIN[0].rows(&maps), 0..378);
        assert_eq!(AUGMENTED.map(|view| view.rows(&[])), [0..0, 0..0, 0..0]);
    }

    #[test]
    fn a_view_is_padded_and_brought_back() {
        let planes: Vec<f32> = (0..64 * 96).map(|i| (i % 96) as f32).collect();
        let (view, shape) = AUGMENTED[1].look(&planes, [1, 1, 64, 96], 32);
        assert_eq!(shape, [1, 1, 64, 96]);
        // 53 by 79 pixels are image, right to left.
        assert_eq!((view[78], view[79], view[53 * 96]), (view[78].clamp(0.0, 0.2), PADDING, PADDING));
        assert!(view[0] > 94.5);
        let mut rows = [83.0, 0.83, 8.3, 1.66, 0.5, 0.5];
        AUGMENTED[1].restore(&mut rows, 6, 640);
        let expected = [540.0, 1.0, 10.0, 2.0, 0.5, 0.5];
        assert!(rows.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4), "{rows:?}");
    }
}
