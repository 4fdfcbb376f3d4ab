//! Non-maximum suppression, with all options of v6.1's `non_max_suppression` and no time limit.

/// Boxes smaller or larger than this (pixels) are dropped; the larger also separates the classes.
pub(crate) const MIN_SIDE: f32 = 2.0;
pub(crate) const MAX_SIDE: f32 = 7680.0;
/// So many of the best candidates are considered.
const MAX_CANDIDATES: usize = 30_000;

/// Options of [`non_max_suppression`].
#[derive(Clone, Debug, PartialEq)]
pub struct NmsOptions {
    /// Confidence (objectness × class) below which a candidate is dropped.
    pub conf_thres: f32,
    /// Overlap (IoU) with a better box above which a box is dropped.
    pub iou_thres: f64,
    /// Most detections of an image.
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

/// The detections of one image, best first, from rows `[x, y, w, h, objectness, classes …]` of length `5 + nc`.
pub fn non_max_suppression(rows: &[f32], nc: usize, options: &NmsOptions) -> Vec<Detection> {
    suppress(&best(&candidates(rows, nc, options)), options)
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

/// The best candidates, best first; those of equal confidence keep the order of the cells.
fn best(candidates: &[Detection]) -> Vec<Detection> {
    // A number that rises as the confidence falls (as `f32::total_cmp` has it), and the place behind it.
    let key = |(place, candidate): (usize, &Detection)| {
        let bits = candidate.confidence.to_bits();
        let rising = if candidate.confidence.is_sign_negative() { !bits } else { bits | 1 << 31 };
        (u64::from(!rising) << 32) | place as u64
    };
    let mut keys: Vec<u64> = candidates.iter().enumerate().map(key).collect();
    if keys.len() > MAX_CANDIDATES {
        keys.select_nth_unstable(MAX_CANDIDATES);
        keys.truncate(MAX_CANDIDATES);
    }
    keys.sort_unstable();
    keys.into_iter().map(|key| candidates[key as u32 as usize]).collect()
}

/// Keeps each box, best first, that no kept box overlaps too much.
fn suppress(candidates: &[Detection], options: &NmsOptions) -> Vec<Detection> {
    let limit = below(options.iou_thres);
    let (mut boxes, mut kept) = (Boxes::default(), Vec::new());
    for candidate in candidates {
        if kept.len() == options.max_det {
            break;
        }
        // Boxes of different classes are moved so far apart that they do not meet, in f32 as in the reference.
        let offset = if options.agnostic { 0.0 } else { candidate.class as f32 * MAX_SIDE };
        let rect = candidate.rect.map(|side| side + offset);
        if !boxes.overlap(&rect, limit) {
            boxes.push(&rect);
            kept.push(*candidate);
        }
    }
    kept
}

/// The largest single number that is not above a threshold: the same IoUs are above both.
fn below(threshold: f64) -> f32 {
    let near = threshold as f32;
    if f64::from(near) > threshold { near.next_down() } else { near }
}

/// Boxes, eight of them side by side, so that they are compared at once.
#[derive(Default)]
struct Boxes {
    /// Left, top, right, bottom and area; what is behind the last box is not a number, and overlaps nothing.
    eights: Vec<[[f32; 8]; 5]>,
    len: usize,
}

impl Boxes {
    fn push(&mut self, rect: &[f32; 4]) {
        let place = self.len % 8;
        if place == 0 {
            self.eights.push([[f32::NAN; 8]; 5]);
        }
        if let Some(eight) = self.eights.last_mut() {
            for (numbers, number) in eight.iter_mut().zip(rect.iter().chain([&area(rect)])) {
                numbers[place] = *number;
            }
        }
        self.len += 1;
    }

    /// Whether the IoU of one of them with `rect` is above the limit.
    fn overlap(&self, rect: &[f32; 4], limit: f32) -> bool {
        let own = area(rect);
        self.eights.iter().any(|[left, top, right, bottom, area]| {
            let mut above = false;
            for i in 0..8 {
                let width = rect[2].min(right[i]) - rect[0].max(left[i]);
                let height = rect[3].min(bottom[i]) - rect[1].max(top[i]);
                let shared = width.max(0.0) * height.max(0.0);
                above |= shared / (own + area[i] - shared) > limit;
            }
            above
        })
    }
}

fn area(rect: &[f32; 4]) -> f32 {
    (rect[2] - rect[0]) * (rect[3] - rect[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same by the plainest loops: a stable sort, and every box compared with every kept one in double precision.
    fn plain(rows: &[f32], nc: usize, options: &NmsOptions) -> Vec<Detection> {
        let mut candidates = candidates(rows, nc, options);
        candidates.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        let moved = |detection: &Detection| {
            let offset = if options.agnostic { 0.0 } else { detection.class as f32 * MAX_SIDE };
            detection.rect.map(|side| side + offset)
        };
        let above = |a: [f32; 4], b: [f32; 4]| {
            let width = a[2].min(b[2]) - a[0].max(b[0]);
            let height = a[3].min(b[3]) - a[1].max(b[1]);
            let shared = width.max(0.0) * height.max(0.0);
            f64::from(shared / (area(&a) + area(&b) - shared)) > options.iou_thres
        };
        let mut kept: Vec<Detection> = vec![];
        for candidate in candidates {
            if kept.len() < options.max_det && !kept.iter().any(|k| above(moved(&candidate), moved(k))) {
                kept.push(candidate);
            }
        }
        kept
    }

    /// v6.1 takes cells whose objectness is above the threshold; here it equals it, and only the class score lifts the product.
    #[test]
    fn an_objectness_that_equals_the_threshold_is_not_above_it() {
        let row = |objectness: f32| [50.0, 50.0, 10.0, 10.0, objectness, 2.0];
        let options = NmsOptions::default();
        assert_eq!(non_max_suppression(&row(0.25), 1, &options), []);
        assert_eq!(non_max_suppression(&row(0.25f32.next_up()), 1, &options).len(), 1);
    }

    /// Sides of exactly 2 and 7680 pixels are kept, as v6.1's `<` and `>` have it, and the next numbers beyond are not.
    #[test]
    fn the_limits_of_a_side_are_kept() {
        let kept = |w: f32, h: f32| {
            non_max_suppression(&[4000.0, 4000.0, w, h, 0.9, 0.9], 1, &NmsOptions::default()).len() == 1
        };
        for side in [2.0, 7680.0] {
            assert!(kept(side, 10.0) && kept(10.0, side), "{side}");
        }
        for side in [2.0f32.next_down(), 7680.0f32.next_up()] {
            assert!(!kept(side, 10.0) && !kept(10.0, side), "{side}");
        }
    }

    #[test]
    fn thirty_thousand_of_the_best_are_considered() {
        let candidate = |place: usize| Detection { rect: [0.0; 4], confidence: place as f32, class: place };
        for count in [29_999, 30_000, 30_001, 30_500] {
            let classes: Vec<usize> = best(&(0..count).map(candidate).collect::<Vec<_>>())
                .iter()
                .map(|found| found.class)
                .collect();
            let wanted: Vec<usize> = (count.saturating_sub(30_000)..count).rev().collect();
            assert_eq!(classes, wanted, "of {count}");
        }
    }

    /// Numbers of rows; few values, so that many are equal, and some that are none.
    fn number(most: f32) -> impl Strategy<Value = f32> {
        prop_oneof![
            60 => (0..64).prop_map(move |i| most * i as f32 / 64.0),
            1 => prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(-1.0)],
        ]
    }

    proptest! {
        #[test]
        fn many_at_once_is_one_by_one(
            nc in 1usize..4,
            most in prop_oneof![Just(60.0f32), Just(700.0), Just(20_000.0)],
            flat in proptest::collection::vec((number(1.0), number(1.0), number(0.5), number(0.5),
                proptest::collection::vec(number(1.0), 4)), 0..120),
            conf_thres in prop_oneof![Just(0.25f32), Just(0.001), Just(-1.0)],
            iou_thres in prop_oneof![0f64..1.0, Just(0.5), Just(0.0), Just(1.0), Just(-0.5), Just(f64::NAN)],
            max_det in prop_oneof![Just(300usize), Just(3), Just(0)],
            agnostic: bool,
            multi_label: bool,
        ) {
            let rows: Vec<f32> = flat.iter().flat_map(|(x, y, w, h, scores)| {
                [x * most, y * most, w * most, h * most].into_iter().chain(scores[..nc + 1].iter().copied())
            }).collect();
            let options = NmsOptions { conf_thres, iou_thres, max_det, agnostic, multi_label, classes: None };
            let (ours, plain) = (non_max_suppression(&rows, nc, &options), plain(&rows, nc, &options));
            // As text, where what is no number is itself.
            prop_assert_eq!(format!("{ours:?}"), format!("{plain:?}"));
        }
    }
}
