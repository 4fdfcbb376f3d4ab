//! Training at varying sizes (`--multi-scale`): a batch stretched to another size, as v6.1 `train.py` does it.

use crate::image::bilinear::taps;
use crate::random::Stream;
use rayon::prelude::*;

/// The size of an iteration's images: height and width from half to one and a half of `imgsz`, in multiples of `stride`.
pub fn size(seed: u64, iteration: usize, imgsz: usize, shape: [usize; 2], stride: usize) -> [usize; 2] {
    let draw = Stream::keyed(&format!("multi-scale {seed} {iteration}")).uniform();
    let (least, most) = (imgsz / 2, imgsz * 3 / 2 + stride);
    let side = (least + (draw * (most - least) as f64) as usize) / stride * stride;
    let factor = side as f64 / shape[0].max(shape[1]) as f64;
    shape.map(|side| ((side as f64 * factor / stride as f64).ceil() as usize).max(1) * stride)
}

/// Planes `[…, from]` stretched to `[…, to]` (height, width), bilinear with pixels' centres at halves
/// (`F.interpolate(mode='bilinear', align_corners=False)`).
pub fn stretch(planes: &[f32], from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    let [rows, columns] = [0, 1].map(|axis| taps(from[axis], to[axis]));
    let mut out = vec![0.0; planes.len() / (from[0] * from[1]) * to[0] * to[1]];
    out.par_chunks_mut(to[0] * to[1]).zip(planes.par_chunks(from[0] * from[1])).for_each(|(out, plane)| {
        for (out, row) in out.chunks_exact_mut(to[1]).zip(&rows) {
            let [top, bottom] = [row.first, row.second].map(|at| &plane[at * from[1]..][..from[1]]);
            for (out, column) in out.iter_mut().zip(&columns) {
                *out = row.between(column.mix(top), column.mix(bottom));
            }
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from `torch.nn.functional.interpolate` of PyTorch 2.8.
    #[test]
    fn stretching_is_pytorchs() {
        let small = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
        let want = [1.0, 1.625, 2.75, 4.0, 4.5, 7.3125, 12.375, 18.0, 8.0, 13.0, 22.0, 32.0];
        assert_eq!(stretch(&small, [2, 3], [3, 4]), want);
    }

    #[test]
    fn sizes_are_in_strides_and_range() {
        for iteration in 0..200 {
            let [height, width] = size(0, iteration, 320, [320, 256], 32);
            assert!((160..=480).contains(&height) && width <= height && height % 32 == 0 && width % 32 == 0);
        }
    }
}
