//! Non-maximum suppression, with all options of v6.1's `non_max_suppression` and no time limit.

/// Boxes smaller or larger than this (pixels) are dropped; the larger also separates the classes.
const MIN_SIDE: f32 = 2.0;
const MAX_SIDE: f32 = 7680.0;
/// So many of the best candidates are considered.
const MAX_CANDIDATES: usize = 30_000;

/// Options of [`non_max_suppression`].
#[derive(Clone, Debug, PartialEq)]
pub struct NmsOptions {
    /// Confidence (objectness × class) below which a candidate is dropped.
    pub conf_thres: f32,
    /// Overlap (IoU) with a better box above which a box is dropped.
    pub iou_thres: f64,
    /// Most detections of a picture.
    pub max_det: usize,
    /// Only these classes.
    pub classes: Option<Vec<usize>>,
    /// Boxes of different classes suppress each other, too.
    pub agnostic: bool,
    /// A box may have several classes.
    pub multi_label: bool,
}

impl Default for NmsOptions {
    /// As `detect.py`.
    fn default() -> Self {
        NmsOptions {
            conf_thres: 0.25,
            iou_thres: 0.45,
            max_det: 1000,
            classes: None,
            agnostic: false,
            multi_label: false,
        }
    }
}

/// One object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Left, top, right, bottom in pixels.
    pub rect: [f32; 4],
    /// 0 to 1.
    pub confidence: f32,
    /// Index of the class.
    pub class: usize,
}

/// The detections of one picture, best first, from rows `[x, y, w, h, objectness, classes …]` of length `5 + nc`.
pub fn non_max_suppression(rows: &[f32], nc: usize, options: &NmsOptions) -> Vec<Detection> {
    let mut candidates = candidates(rows, nc, options);
    // Stable, so that equal confidences keep the order of the cells.
    candidates.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    candidates.truncate(MAX_CANDIDATES);
    suppress(&candidates, options)
}

fn candidates(rows: &[f32], nc: usize, options: &NmsOptions) -> Vec<Detection> {
    let threshold = options.conf_thres;
    let wanted = |class: usize| options.classes.as_ref().is_none_or(|classes| classes.contains(&class));
    let mut found = Vec::new();
    for row in rows.chunks_exact(5 + nc) {
        let (size, objectness, classes) = (&row[2..4], row[4], &row[5..]);
        let sized = size.iter().all(|side| (MIN_SIDE..=MAX_SIDE).contains(side));
        if !sized || objectness.is_nan() || objectness <= threshold {
            continue;
        }
        let rect = corners(row);
        let mut push = |class: usize, score: f32| {
            let confidence = score * objectness;
            if confidence > threshold && wanted(class) {
                found.push(Detection { rect, confidence, class });
            }
        };
        if options.multi_label && nc > 1 {
            classes.iter().enumerate().for_each(|(class, score)| push(class, *score));
        } else {
            // The first of equal scores, as PyTorch's max.
            let best = classes.iter().enumerate().fold((0, f32::MIN), |best, (class, &score)| {
                if score * objectness > best.1 { (class, score * objectness) } else { best }
            });
            if let Some(score) = classes.get(best.0) {
                push(best.0, *score);
            }
        }
    }
    found
}

/// Centre and size to left, top, right, bottom.
fn corners(row: &[f32]) -> [f32; 4] {
    let (half_w, half_h) = (row[2] / 2.0, row[3] / 2.0);
    [row[0] - half_w, row[1] - half_h, row[0] + half_w, row[1] + half_h]
}

/// Keeps each box, best first, that no kept box overlaps too much.
fn suppress(candidates: &[Detection], options: &NmsOptions) -> Vec<Detection> {
    // Boxes of different classes are moved so far apart that they do not meet, in f32 as in the reference.
    let moved = |detection: &Detection| {
        let offset = if options.agnostic { 0.0 } else { detection.class as f32 * MAX_SIDE };
        detection.rect.map(|side| side + offset)
    };
    let boxes: Vec<[f32; 4]> = candidates.iter().map(moved).collect();
    let areas: Vec<f32> = boxes.iter().map(area).collect();
    let mut kept: Vec<usize> = Vec::new();
    for i in 0..candidates.len() {
        if kept.len() == options.max_det {
            break;
        }
        let overlaps = |&k: &usize| {
            let shared = intersection(&boxes[i], &boxes[k]);
            f64::from(shared / (areas[i] + areas[k] - shared)) > options.iou_thres
        };
        if !kept.iter().any(overlaps) {
            kept.push(i);
        }
    }
    kept.into_iter().map(|i| candidates[i]).collect()
}

fn area(rect: &[f32; 4]) -> f32 {
    (rect[2] - rect[0]) * (rect[3] - rect[1])
}

fn intersection(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let width = a[2].min(b[2]) - a[0].max(b[0]);
    let height = a[3].min(b[3]) - a[1].max(b[1]);
    width.max(0.0) * height.max(0.0)
}
