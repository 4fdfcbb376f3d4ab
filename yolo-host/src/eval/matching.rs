//! Which detections of an image find which of its objects, at ten thresholds of overlap.

use super::{Detection, Truth};

/// Overlaps (IoU) from 0.5 to 0.95 at which a detection counts as a hit: PyTorch's `linspace(0.5, 0.95, 10)`, which
/// counts up from the start and down from the end, in single precision.
pub const IOU_THRESHOLDS: [f32; 10] = thresholds();

const fn thresholds() -> [f32; 10] {
    let step = (0.95 - 0.5) / 9.0;
    let mut table = [0.0; 10];
    let mut i = 0;
    while i < 5 {
        table[i] = 0.5 + step * i as f32;
        table[9 - i] = 0.95 - step * i as f32;
        i += 1;
    }
    table
}

/// A detection and an object that overlap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Match {
    pub truth: usize,
    pub detection: usize,
    pub iou: f32,
}

/// For each detection the thresholds at which it hits, bit `i` for [`IOU_THRESHOLDS`]`[i]` (v6.1 `process_batch`).
///
/// A detection belongs to the object of its class that it overlaps most; of several detections of one object only
/// the first counts, at its own overlap. Detections are to be sorted best first, as suppression leaves them.
pub(super) fn hits(detections: &[Detection], truths: &[Truth]) -> Vec<u16> {
    let same_class = |m: &Match| detections[m.detection].class == truths[m.truth].class;
    let mut overlapping = overlaps(detections, truths);
    overlapping.retain(|m| m.iou >= IOU_THRESHOLDS[0] && same_class(m));
    let mut hits = vec![0; detections.len()];
    let mut taken = vec![false; truths.len()];
    for m in one_each(overlapping, |m| m.detection) {
        if !std::mem::replace(&mut taken[m.truth], true) {
            let passed = IOU_THRESHOLDS.iter().filter(|&&threshold| m.iou >= threshold).count();
            hits[m.detection] = (1 << passed) - 1;
        }
    }
    hits
}

/// All pairs that overlap at all, object by object.
pub(super) fn overlaps(detections: &[Detection], truths: &[Truth]) -> Vec<Match> {
    let mut pairs = Vec::new();
    for (truth, object) in truths.iter().enumerate() {
        for (detection, found) in detections.iter().enumerate() {
            let iou = iou(&object.rect, &found.rect);
            if iou > 0.0 {
                pairs.push(Match { truth, detection, iou });
            }
        }
    }
    pairs
}

/// The pair of most overlap for each value of the key, in the order of the keys. Of equal overlaps the last counts, as
/// the reference turns a rising order around.
pub(super) fn one_each(mut pairs: Vec<Match>, key: impl Fn(&Match) -> usize) -> Vec<Match> {
    pairs.reverse();
    pairs.sort_by(|a, b| key(a).cmp(&key(b)).then(b.iou.total_cmp(&a.iou)));
    pairs.dedup_by_key(|m| key(m));
    pairs
}

/// Overlap of two boxes in single precision, operation for operation as the reference's `box_iou`.
fn iou(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let area = |rect: &[f32; 4]| (rect[2] - rect[0]) * (rect[3] - rect[1]);
    let width = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
    let height = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    let shared = width * height;
    shared / (area(a) + area(b) - shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detection(rect: [f32; 4], class: usize) -> Detection {
        Detection { rect, confidence: 0.5, class }
    }

    #[test]
    fn an_object_is_found_once() {
        let truths = [Truth { class: 1, rect: [0.0, 0.0, 10.0, 10.0] }];
        let found = [
            detection([0.0, 0.0, 10.0, 10.0], 0),
            detection([0.0, 0.0, 10.0, 6.2], 1),
            detection([0.0, 0.0, 10.0, 10.0], 1),
        ];
        // Another class; the first of two, at its own 0.62 although the other fits better; the other.
        assert_eq!(hits(&found, &truths), [0, 0b111, 0]);
        assert_eq!(hits(&found[2..], &truths), [0b11_1111_1111]);
        assert_eq!(hits(&found, &[]), [0, 0, 0]);
    }

    #[test]
    fn boxes_without_area_overlap_nothing() {
        let point = [5.0; 4];
        assert!(overlaps(&[detection(point, 0)], &[Truth { class: 0, rect: point }]).is_empty());
    }
}
