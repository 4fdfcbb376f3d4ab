//! Precision, recall, mAP, curves and the confusion matrix against the reference's validation, on its own predictions.

use yolo_host::eval::{CURVE_POINTS, Detection, Metrics, Truth};
use yolo_tests::metrics::cases;
use yolo_tests::report;

/// Goldens are in single precision.
const TOLERANCE: f64 = 1e-6;
/// Every so many points of a curve are in the golden.
const STEP: usize = 111;

/// The largest difference of two lists, infinite where their lengths differ.
fn difference(ours: &[f64], reference: &[f64]) -> f64 {
    if ours.len() != reference.len() {
        return f64::INFINITY;
    }
    // NaN must not hide: f64::max drops it.
    let differences = ours.iter().zip(reference).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |worst, d| if d.is_nan() || d > worst { d } else { worst })
}

#[test]
fn metrics_match_the_reference() {
    let cases = cases();
    assert!(cases.len() >= 10, "{} cases", cases.len());
    let mut failures = Vec::new();
    for case in &cases {
        let summary = case.summary();
        let means = [summary.precision, summary.recall, summary.map50, summary.map, summary.fitness()];
        let reference = ["precision", "recall", "map50", "map", "fitness"].map(|key| case.mean(key));
        // Where nothing was found the reference has no rows; ours are zero.
        let found = !case.values("rows").is_empty();
        let rows = summary.classes.iter().filter(|_| found).flat_map(|row| {
            [row.class as f64, row.labels as f64, row.precision, row.recall, row.ap50, row.ap]
        });
        let curves = &summary.curves;
        let curves = [&curves.precision, &curves.recall, &curves.f1, &curves.precision_over_recall];
        let points = curves.iter().copied().flatten().filter(|_| found).flat_map(|curve| {
            assert_eq!(curve.len(), CURVE_POINTS, "{}", case.name);
            curve.iter().copied().step_by(STEP)
        });
        let confusion: Vec<f64> =
            summary.confusion.rows().concat().into_iter().map(|count| count as f64).collect();
        for (what, ours, reference, tolerance) in [
            ("means", means.to_vec(), reference.to_vec(), TOLERANCE),
            ("classes", rows.collect(), case.values("rows"), TOLERANCE),
            ("curves", points.collect(), case.values("curves"), TOLERANCE),
            ("confusion", confusion, case.values("confusion"), 0.0),
        ] {
            let worst = difference(&ours, &reference);
            println!("{}, {what}: {} numbers, {worst:.1e}", case.name, ours.len());
            if worst.is_nan() || worst > tolerance {
                failures.push(format!("{}, {what}: {worst:.1e} of {} numbers", case.name, reference.len()));
            }
        }
    }
    report(failures);
}

#[test]
fn nothing_gives_zeros() {
    for name in ["nothing-found", "nothing-right", "nothing-there", "no-pictures"] {
        let case = cases().into_iter().find(|case| case.name == name).expect(name);
        let summary = case.summary();
        let mut values = vec![summary.precision, summary.recall, summary.map50, summary.map];
        values.extend(summary.class_map(case.nc()));
        for row in &summary.classes {
            values.extend([row.precision, row.recall, row.ap50, row.ap]);
        }
        assert!(values.iter().all(|value| *value == 0.0), "{name}: {values:?}");
        assert!(summary.curves.f1.concat().iter().all(|f1| *f1 == 0.0), "{name}");
        assert_eq!(summary.images, case.images().len(), "{name}");
    }
}

#[test]
fn class_map_fills_in_the_mean() {
    let case = cases().into_iter().find(|case| case.name == "several").expect("several");
    let summary = case.summary();
    let map = summary.class_map(6);
    let absent = (0..6).filter(|&class| !summary.classes.iter().any(|row| row.class == class));
    assert_eq!(absent.collect::<Vec<_>>(), [3]);
    assert_eq!((map[3], map[4]), (summary.map, 0.0), "3 has no objects, 4 is never detected");
    assert_eq!(map[5], summary.classes.last().unwrap().ap);
}

#[test]
fn odd_numbers_do_no_harm() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let rects = [[nan; 4], [inf; 4], [-inf, -inf, inf, inf], [0.0; 4], [5.0, 5.0, 1.0, 1.0]];
    for nc in [0, 1, 3] {
        let mut evaluation = Metrics::new(nc);
        let confidences = [nan, inf, -1.0, 0.0, 2.0];
        let detections: Vec<Detection> = (0..rects.len() * 5)
            .map(|i| Detection { rect: rects[i % 5], confidence: confidences[i / 5], class: i % 4 })
            .collect();
        let truths: Vec<Truth> =
            rects.iter().enumerate().map(|(class, &rect)| Truth { class, rect }).collect();
        evaluation.add(&detections, &truths);
        evaluation.add(&[], &truths);
        evaluation.add(&detections, &[]);
        let summary = evaluation.summary();
        let means = [summary.precision, summary.recall, summary.map50, summary.map];
        assert!(means.iter().all(|mean| (0.0..=1.0).contains(mean)), "nc {nc}: {means:?}");
        assert_eq!((summary.images, summary.labels), (3, 2 * nc.min(5)));
    }
}
