//! Which classes are taken for which.

use super::matching::{one_each, overlaps};
use super::{Detection, Truth};

/// Detections of less confidence, and pairs of less overlap, do not count.
const CONFIDENCE: f32 = 0.25;
const IOU: f32 = 0.45;

/// How often an object of one class was detected as another: v6.1's `ConfusionMatrix`.
///
/// The class after the last stands for the background: its row counts objects that were not found, its column
/// detections where no object is. As in the reference, images without objects or without detections are not
/// counted, nor are the detections of an image in which no object was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Confusion {
    nc: usize,
    /// Rows of `nc + 1`, a row for each detected class.
    counts: Vec<u64>,
}

impl Confusion {
    /// Of `nc` classes, all zero.
    pub fn new(nc: usize) -> Self {
        Confusion { nc, counts: vec![0; (nc + 1) * (nc + 1)] }
    }

    /// Number of classes, without the background.
    pub fn nc(&self) -> usize {
        self.nc
    }

    /// How often objects of class `truth` were detected as `detected`; `nc` is the background.
    ///
    /// # Panics
    /// If one is above `nc`.
    pub fn at(&self, detected: usize, truth: usize) -> u64 {
        self.rows()[detected][truth]
    }

    /// A row for each detected class, in it a column for each true class; the background comes last.
    pub fn rows(&self) -> Vec<&[u64]> {
        self.counts.chunks_exact(self.nc + 1).collect()
    }

    /// The rows as shares of their columns' sums, so that the diagonal holds the recall of each class; a column of
    /// zeros stays zero.
    pub fn normalised(&self) -> Vec<Vec<f64>> {
        let rows = self.rows();
        let sum = |truth: usize| rows.iter().map(|row| row[truth]).sum::<u64>() as f64;
        let sums: Vec<f64> = (0..=self.nc).map(sum).collect();
        let share = |(&count, sum): (&u64, &f64)| count as f64 / (sum + 1e-9);
        rows.iter().map(|row| row.iter().zip(&sums).map(share).collect()).collect()
    }

    /// Counts an image; its classes must be below `nc`.
    pub(super) fn add(&mut self, detections: &[Detection], truths: &[Truth]) {
        if detections.is_empty() {
            return;
        }
        let sure: Vec<Detection> = detections.iter().filter(|d| d.confidence > CONFIDENCE).copied().collect();
        let mut pairs = overlaps(&sure, truths);
        pairs.retain(|m| m.iou > IOU);
        let pairs = one_each(one_each(pairs, |m| m.detection), |m| m.truth);

        let mut detected_as = vec![self.nc; truths.len()];
        let mut matched = vec![false; sure.len()];
        for m in &pairs {
            detected_as[m.truth] = sure[m.detection].class;
            matched[m.detection] = true;
        }
        for (truth, detected) in truths.iter().zip(detected_as) {
            self.count(detected, truth.class);
        }
        if !pairs.is_empty() {
            let strays = sure.iter().zip(matched).filter(|(_, matched)| !matched);
            strays.for_each(|(detection, _)| self.count(detection.class, self.nc));
        }
    }

    fn count(&mut self, detected: usize, truth: usize) {
        self.counts[detected * (self.nc + 1) + truth] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalised_holds_the_recall_of_each_class() {
        let counts = vec![3, 0, 2, 1, 0, 0, 4, 0, 0];
        let confusion = Confusion { nc: 2, counts };
        assert_eq!(confusion.nc(), 2);
        let shares = confusion.normalised();
        let expected = [[0.375, 0.0, 1.0], [0.125, 0.0, 0.0], [0.5, 0.0, 0.0]];
        for (row, expected) in shares.iter().flatten().zip(expected.iter().flatten()) {
            assert!((row - expected).abs() < 1e-8, "{shares:?}");
        }
    }
}
