//! Precision, recall and average precision of one class: the arithmetic of v6.1's `ap_per_class` and `compute_ap`.

use super::matching::IOU_THRESHOLDS;

/// Points of a curve over confidence or recall.
pub const CURVE_POINTS: usize = 1000;
/// Points over recall at which COCO reads precision.
const COCO_POINTS: usize = 101;
const EPS: f64 = 1e-16;

/// A detection as far as its class's metrics need it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scored {
    pub confidence: f32,
    /// Thresholds at which it hits, a bit each.
    pub hits: u16,
}

/// What one class came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ClassCurves {
    /// Precision, recall and F1 at IoU 0.5 over confidence.
    pub precision: Vec<f64>,
    pub recall: Vec<f64>,
    pub f1: Vec<f64>,
    /// Precision at IoU 0.5 over recall.
    pub precision_over_recall: Vec<f64>,
    /// Average precision at each threshold.
    pub ap: [f64; IOU_THRESHOLDS.len()],
}

/// `points` numbers from 0 to 1.
pub(super) fn unit_range(points: usize) -> Vec<f64> {
    let step = 1.0 / (points - 1) as f64;
    (0..points).map(|i| if i + 1 == points { 1.0 } else { i as f64 * step }).collect()
}

/// The curves of a class of `labels` objects from its detections, best first.
pub(super) fn class_curves(scored: &[Scored], labels: usize) -> ClassCurves {
    let zeros = || vec![0.0; CURVE_POINTS];
    let mut curves = ClassCurves {
        precision: zeros(),
        recall: zeros(),
        f1: zeros(),
        precision_over_recall: zeros(),
        ap: [0.0; IOU_THRESHOLDS.len()],
    };
    if scored.is_empty() || labels == 0 {
        return curves;
    }
    let x = unit_range(CURVE_POINTS);
    let coco = unit_range(COCO_POINTS);
    for (threshold, ap) in curves.ap.iter_mut().enumerate() {
        let (precision, recall) = accumulate(scored, threshold, labels);
        let (envelope, over) = envelope(&precision, &recall);
        let read: Vec<f64> = coco.iter().map(|&at| interpolate(at, &over, &envelope, 1.0, 0.0)).collect();
        *ap = coco.windows(2).zip(read.windows(2)).map(|(x, y)| (x[1] - x[0]) * (y[1] + y[0]) / 2.0).sum();
        if threshold == 0 {
            // Interpolation needs rising places, and confidences fall.
            let places: Vec<f64> = scored.iter().map(|one| -f64::from(one.confidence)).collect();
            let read = |values: &[f64], beyond: f64| -> Vec<f64> {
                let last = values[values.len() - 1];
                x.iter().map(|&at| interpolate(-at, &places, values, beyond, last)).collect()
            };
            curves.precision = read(&precision, 1.0);
            curves.recall = read(&recall, 0.0);
            let of_recall = |&at: &f64| interpolate(at, &over, &envelope, 1.0, 0.0);
            curves.precision_over_recall = x.iter().map(of_recall).collect();
        }
    }
    let pairs = curves.precision.iter().zip(&curves.recall);
    curves.f1 = pairs.map(|(p, r)| 2.0 * p * r / (p + r + EPS)).collect();
    curves
}

/// Precision and recall after each detection, at one threshold.
fn accumulate(scored: &[Scored], threshold: usize, labels: usize) -> (Vec<f64>, Vec<f64>) {
    let mut found = 0_u32;
    let after = |(i, one): (usize, &Scored)| {
        found += u32::from(one.hits >> threshold & 1);
        (f64::from(found) / (i + 1) as f64, f64::from(found) / (labels as f64 + EPS))
    };
    scored.iter().enumerate().map(after).unzip()
}

/// The best precision at each recall or beyond it, from recall 0 to 1, and those recalls.
fn envelope(precision: &[f64], recall: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut best = [&[1.0], precision, &[0.0]].concat();
    for i in (1..best.len()).rev() {
        best[i - 1] = best[i - 1].max(best[i]);
    }
    (best, [&[0.0], recall, &[1.0]].concat())
}

/// `numpy.interp` at one place: linear between neighbours; of equal places the last counts.
fn interpolate(at: f64, places: &[f64], values: &[f64], left: f64, right: f64) -> f64 {
    let beyond = places.partition_point(|&place| place <= at);
    if beyond == 0 {
        return left;
    }
    let (from, value) = (places[beyond - 1], values[beyond - 1]);
    match places.get(beyond) {
        _ if from == at => value,
        None => right,
        Some(to) => (values[beyond] - value) / (to - from) * (at - from) + value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpolates_as_numpy() {
        // numpy.interp(x, [1, 2, 2, 4], [10, 20, 30, 40], left=-1, right=99)
        let read = |at| interpolate(at, &[1.0, 2.0, 2.0, 4.0], &[10.0, 20.0, 30.0, 40.0], -1.0, 99.0);
        assert_eq!([0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0].map(read), [-1.0, 10.0, 15.0, 30.0, 35.0, 40.0, 99.0]);
    }

    #[test]
    fn the_best_there_is_is_0_995() {
        let scored: Vec<Scored> =
            [0.9, 0.8, 0.7].map(|confidence| Scored { confidence, hits: 0x3FF }).to_vec();
        let curves = class_curves(&scored, 3);
        // At recall 1 the reference reads the precision behind the last detection, which is 0.
        assert!(curves.ap.iter().all(|ap| (ap - 0.995).abs() < 1e-12), "{:?}", curves.ap);
        assert_eq!((curves.recall[0], curves.precision[0], curves.recall[999]), (1.0, 1.0, 0.0));
        assert_eq!(class_curves(&[], 3).ap, [0.0; 10]);
        assert_eq!(class_curves(&scored, 0).ap, [0.0; 10]);
    }
}
