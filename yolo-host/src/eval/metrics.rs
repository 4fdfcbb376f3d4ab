//! Detections against labels, image by image, and what they come to: precision, recall, mAP.

use super::confusion::Confusion;
use super::matching::{IOU_THRESHOLDS, hits};
use super::precision::{CURVE_POINTS, ClassCurves, Scored, class_curves, unit_range};
use super::{Detection, Truth};

/// Gathers images; [`Metrics::summary`] gives the metrics of those seen so far.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// The detections of each class, in the order of coming.
    scored: Vec<Vec<Scored>>,
    /// The number of objects of each class.
    labels: Vec<usize>,
    images: usize,
    confusion: Confusion,
}

impl Metrics {
    /// For classes 0 to `nc`, itself excluded.
    pub fn new(nc: usize) -> Self {
        Metrics {
            scored: vec![Vec::new(); nc],
            labels: vec![0; nc],
            images: 0,
            confusion: Confusion::new(nc),
        }
    }

    /// Counts one image: its detections, best first as suppression leaves them, and its objects, both in pixels of the
    /// photograph. With one class only (`--single-cls`) the caller sets all classes to 0.
    ///
    /// Detections and objects of a class from `nc` on are left out, and detections whose confidence is not a number.
    pub fn add(&mut self, detections: &[Detection], truths: &[Truth]) {
        let nc = self.labels.len();
        let known = |d: &&Detection| d.class < nc && !d.confidence.is_nan();
        let detections: Vec<Detection> = detections.iter().filter(known).copied().collect();
        let truths: Vec<Truth> = truths.iter().filter(|truth| truth.class < nc).copied().collect();
        self.images += 1;
        for truth in &truths {
            self.labels[truth.class] += 1;
        }
        for (detection, hits) in detections.iter().zip(hits(&detections, &truths)) {
            self.scored[detection.class].push(Scored { confidence: detection.confidence, hits });
        }
        self.confusion.add(&detections, &truths);
    }

    /// The metrics, v6.1's `ap_per_class` over all images. Everything is zero where nothing was found or nothing was
    /// to be found.
    ///
    /// Detections of equal confidence count in the order of coming; the reference's order depends on numpy's sort, and
    /// with it on the processor.
    pub fn summary(&self) -> Summary {
        let present: Vec<usize> = (0..self.labels.len()).filter(|&class| self.labels[class] > 0).collect();
        let of_class = |&class: &usize| {
            let mut scored = self.scored[class].clone();
            scored.sort_by(|a, b| b.confidence.total_cmp(&a.confidence)); // stable
            class_curves(&scored, self.labels[class])
        };
        let curves: Vec<ClassCurves> = present.iter().map(of_class).collect();
        let best = best_confidence(&curves);
        let row = |(&class, curves): (&usize, &ClassCurves)| ClassRow {
            class,
            labels: self.labels[class],
            precision: curves.precision[best],
            recall: curves.recall[best],
            ap50: curves.ap[0],
            ap: curves.ap.iter().sum::<f64>() / IOU_THRESHOLDS.len() as f64,
        };
        let classes: Vec<ClassRow> = present.iter().zip(&curves).map(row).collect();
        let mean = |value: fn(&ClassRow) -> f64| {
            classes.iter().map(value).sum::<f64>() / classes.len().max(1) as f64
        };
        Summary {
            precision: mean(|row| row.precision),
            recall: mean(|row| row.recall),
            map50: mean(|row| row.ap50),
            map: mean(|row| row.ap),
            images: self.images,
            labels: self.labels.iter().sum(),
            curves: Curves::new(curves),
            confusion: self.confusion.clone(),
            classes,
        }
    }
}

/// The first place at which F1, in the mean of the classes, is highest.
fn best_confidence(curves: &[ClassCurves]) -> usize {
    let sum = |at: usize| curves.iter().map(|class| class.f1[at]).sum::<f64>();
    // Divided, as the reference does, because rounding makes ties.
    let mean = |at: usize| sum(at) / curves.len().max(1) as f64;
    (1..CURVE_POINTS).fold((0, mean(0)), |best, at| if mean(at) > best.1 { (at, mean(at)) } else { best }).0
}

/// Metrics of all images of an [`Metrics`]; precision and recall are those at IoU 0.5, at the confidence where F1
/// in the mean of the classes is highest.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Mean of the classes' precision.
    pub precision: f64,
    /// Mean of the classes' recall.
    pub recall: f64,
    /// Mean of the classes' average precision at IoU 0.5.
    pub map50: f64,
    /// Mean of the classes' average precision over IoU 0.5 to 0.95.
    pub map: f64,
    /// The classes of which there are objects.
    pub classes: Vec<ClassRow>,
    /// Number of images.
    pub images: usize,
    /// Number of objects.
    pub labels: usize,
    /// The curves of those classes.
    pub curves: Curves,
    /// Which classes are taken for which.
    pub confusion: Confusion,
}

impl Summary {
    /// What a training run is measured by: 0.1 mAP50 + 0.9 mAP (v6.1 `fitness`).
    pub fn fitness(&self) -> f64 {
        0.1 * self.map50 + 0.9 * self.map
    }

    /// Average precision of each of `nc` classes, and the mean for those of which there are no objects; training weights
    /// images by it (v6.1 `maps`).
    pub fn class_map(&self, nc: usize) -> Vec<f64> {
        let mut map = vec![self.map; nc];
        for row in &self.classes {
            if let Some(place) = map.get_mut(row.class) {
                *place = row.ap;
            }
        }
        map
    }
}

/// Metrics of one class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassRow {
    /// Index of the class.
    pub class: usize,
    /// Number of its objects.
    pub labels: usize,
    /// Precision at IoU 0.5.
    pub precision: f64,
    /// Recall at IoU 0.5.
    pub recall: f64,
    /// Average precision at IoU 0.5.
    pub ap50: f64,
    /// Average precision, mean over IoU 0.5 to 0.95.
    pub ap: f64,
}

/// Curves at IoU 0.5, a list of 1000 values for each row of [`Summary::classes`].
#[derive(Clone, Debug, PartialEq)]
pub struct Curves {
    /// The places of all curves, confidence or recall: 1000 numbers from 0 to 1.
    pub x: Vec<f64>,
    /// Precision over confidence.
    pub precision: Vec<Vec<f64>>,
    /// Recall over confidence.
    pub recall: Vec<Vec<f64>>,
    /// F1 over confidence.
    pub f1: Vec<Vec<f64>>,
    /// Precision over recall; zero for a class without detections, which the reference leaves out.
    pub precision_over_recall: Vec<Vec<f64>>,
}

impl Curves {
    fn new(classes: Vec<ClassCurves>) -> Self {
        let mut curves = Curves {
            x: unit_range(CURVE_POINTS),
            precision: Vec::new(),
            recall: Vec::new(),
            f1: Vec::new(),
            precision_over_recall: Vec::new(),
        };
        for class in classes {
            curves.precision.push(class.precision);
            curves.recall.push(class.recall);
            curves.f1.push(class.f1);
            curves.precision_over_recall.push(class.precision_over_recall);
        }
        curves
    }
}
