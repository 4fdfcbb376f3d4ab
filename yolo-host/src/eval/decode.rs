//! The Detect layer's arithmetic in evaluation: raw maps to boxes in pixels of the network's input.

use super::Head;
use crate::raw_map::RawMap;
use std::ops::Range;

/// Rows `[x, y, w, h, objectness, classes …]` of one image's anchors, in the order map, anchor, row, column: centre and size in
/// pixels, the rest 0 to 1 (v6.1 `Detect.forward`). Only rows `wanted` are made, counted in that order, and
/// those whose objectness is not above `threshold` are left out: suppression would drop them anyway, and they are almost all.
pub fn decode(head: &Head, maps: &[RawMap], image: usize, wanted: Range<usize>, threshold: f32) -> Vec<f32> {
    let (no, na) = (head.no(), head.na());
    let surely_below = surely_below(threshold);
    let mut rows = Vec::new();
    let mut first = 0;
    for (map, (stride, anchors)) in maps.iter().zip(head.outputs()) {
        let (cells, numbers) = (map.ny * map.nx, map.image(image));
        for (anchor, size) in anchors.chunks_exact(2).enumerate() {
            let (start, end) = (wanted.start.saturating_sub(first), wanted.end.saturating_sub(first));
            first += cells;
            for cell in start..end.min(cells) {
                let values = &numbers[(cell * na + anchor) * no..][..no];
                if values[4] < surely_below || sigmoid(values[4]) <= threshold {
                    continue;
                }
                let at = |channel: usize| sigmoid(values[channel]);
                let (row, column) = ((cell / map.nx) as f32, (cell % map.nx) as f32);
                rows.push((at(0) * 2.0 + (column - 0.5)) * stride);
                rows.push((at(1) * 2.0 + (row - 0.5)) * stride);
                rows.push((at(2) * 2.0).powi(2) * (size[0] * stride));
                rows.push((at(3) * 2.0).powi(2) * (size[1] * stride));
                rows.extend((4..no).map(at));
            }
        }
    }
    rows
}

/// A logit below which no sigmoid is above the threshold, so that it needs not be computed: with room for rounding. Where
/// there is none it is not a number, or −∞.
fn surely_below(threshold: f32) -> f32 {
    let logit = (threshold / (1.0 - threshold)).ln();
    logit - 0.001 * (1.0 + logit.abs())
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Rows are left out without their sigmoids only where these would say so, too.
        #[test]
        fn what_is_left_out_is_below_the_threshold(
            logits in proptest::collection::vec(-20f32..20.0, 4),
            near in proptest::collection::vec(-0.01f32..0.01, 4),
            threshold in prop_oneof![0f32..1.0, 1e-6f32..0.01, Just(0.0), Just(1.0), Just(f32::NAN), Just(-1.0)],
        ) {
            let at = (threshold / (1.0 - threshold)).ln();
            let values: Vec<f32> = logits.iter().copied().chain(near.iter().map(|near| at + near))
                .flat_map(|objectness| [0.5, -0.5, 0.1, 0.2, objectness, 1.0]).collect();
            let head = Head { strides: &[8.0], anchors: &[1.0, 2.0], nc: 1, classes: None };
            let maps = [RawMap::new(values, [1, 2, 4])];
            let all = decode(&head, &maps, 0, 0..8, f32::NEG_INFINITY);
            prop_assert_eq!(all.len(), 8 * 6);
            let above = |row: &&[f32]| row[4].partial_cmp(&threshold).is_none_or(std::cmp::Ordering::is_gt);
            let expected: Vec<f32> = all.chunks(6).filter(above).flatten().copied().collect();
            let made = decode(&head, &maps, 0, 0..8, threshold);
            prop_assert_eq!(format!("{made:?}"), format!("{expected:?}"));
        }
    }
}
