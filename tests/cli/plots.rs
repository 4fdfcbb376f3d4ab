//! Plots of the goldens' metrics show what they are given, and take anything. The images stay in `target/tmp`.

use proptest::prelude::*;
use std::path::Path;
use yolo_host::draw::plots::{self, BatchBox, Generation, StudyPoint};
use yolo_host::eval::{Detection, Metrics, Summary, Truth};
use yolo_host::image::Image;
use yolo_host::report::{EpochRow, csv};
use yolo_tests::metrics::{Case, cases};
use yolo_tests::{golden, root, uniform};

fn keep(image: &Image, name: &str) {
    image.write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).with_extension("png")).unwrap();
}

fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).expect(name)
}

const NAMES: [&str; 80] = [
    "person",
    "bicycle",
    "car",
    "motorcycle",
    "airplane",
    "bus",
    "train",
    "truck",
    "boat",
    "traffic light",
    "fire hydrant",
    "stop sign",
    "parking meter",
    "bench",
    "bird",
    "cat",
    "dog",
    "horse",
    "sheep",
    "cow",
    "elephant",
    "bear",
    "zebra",
    "giraffe",
    "backpack",
    "umbrella",
    "handbag",
    "tie",
    "suitcase",
    "frisbee",
    "skis",
    "snowboard",
    "sports ball",
    "kite",
    "baseball bat",
    "baseball glove",
    "skateboard",
    "surfboard",
    "tennis racket",
    "bottle",
    "wine glass",
    "cup",
    "fork",
    "knife",
    "spoon",
    "bowl",
    "banana",
    "apple",
    "sandwich",
    "orange",
    "broccoli",
    "carrot",
    "hot dog",
    "pizza",
    "donut",
    "cake",
    "chair",
    "couch",
    "potted plant",
    "bed",
    "dining table",
    "toilet",
    "tv",
    "laptop",
    "mouse",
    "remote",
    "keyboard",
    "cell phone",
    "microwave",
    "oven",
    "toaster",
    "sink",
    "refrigerator",
    "book",
    "clock",
    "vase",
    "scissors",
    "teddy bear",
    "hair drier",
    "toothbrush",
];

fn names(nc: usize) -> Vec<String> {
    NAMES[..nc].iter().map(|name| name.to_string()).collect()
}

#[test]
fn curves_and_confusion() {
    for name in ["bccd", "coco128", "several", "single"] {
        let case = case(name);
        let (summary, names) = (case.summary(), names(case.nc()));
        keep(&plots::pr_curve(&summary, &names).unwrap(), &format!("{name}-pr"));
        keep(&plots::f1_curve(&summary, &names).unwrap(), &format!("{name}-f1"));
        keep(&plots::p_curve(&summary, &names).unwrap(), &format!("{name}-p"));
        keep(&plots::r_curve(&summary, &names).unwrap(), &format!("{name}-r"));
        keep(&plots::confusion_matrix(&summary.confusion, &names).unwrap(), &format!("{name}-confusion"));
    }
}

/// Rows of an image in which the line of the mean is seen, and how many of its pixels there are.
fn mean_line(image: &Image) -> (Vec<usize>, usize) {
    const BLUE: [u8; 3] = [0x1F, 0x5F, 0xC4];
    // The legend, on the right, has the same colour.
    let curves = image.width * 7 / 10;
    let blue = |at: &usize| image.pixels()[*at] == BLUE && at % image.width < curves;
    let places: Vec<usize> = (0..image.pixels().len()).filter(blue).map(|at| at / image.width).collect();
    (places.clone(), places.len())
}

#[test]
fn the_mean_is_drawn_where_it_is() {
    let mut evaluation = Metrics::new(2);
    let rect = [0.0, 0.0, 10.0, 10.0];
    evaluation.add(&[Detection { rect, confidence: 0.999, class: 0 }], &[Truth { class: 0, rect }]);
    let found = plots::r_curve(&evaluation.summary(), &names(2)).unwrap();
    evaluation.add(&[], &[Truth { class: 1, rect }; 5]);
    let half = plots::r_curve(&evaluation.summary(), &names(2)).unwrap();
    let nothing = plots::r_curve(&Metrics::new(2).summary(), &names(2)).unwrap();
    let middle = |image: &Image| {
        let (mut rows, count) = mean_line(image);
        assert!(count > 2000, "{count} pixels");
        rows.sort_unstable();
        rows[count / 2] as f64
    };
    let (top, centre, bottom) = (middle(&found), middle(&half), middle(&nothing));
    assert!(top < 60.0 && bottom > 1000.0, "recall 1 at {top}, recall 0 at {bottom}");
    assert!((centre - (top + bottom) / 2.0).abs() < 4.0, "recall 0.5 at {centre} between {top} and {bottom}");
}

#[test]
fn confusion_is_darkest_where_classes_are_right() {
    let mut evaluation = Metrics::new(3);
    let rect = |at: usize| [at as f32 * 20.0, 0.0, at as f32 * 20.0 + 10.0, 10.0];
    let truths: Vec<Truth> = (0..3).map(|class| Truth { class, rect: rect(class) }).collect();
    // 0 is found, 1 is taken for 2, 2 is not found.
    let found = [(0, 0), (2, 1)].map(|(class, at)| Detection { rect: rect(at), confidence: 0.9, class });
    evaluation.add(&found, &truths);
    let image = plots::confusion_matrix(&evaluation.summary().confusion, &names(3)).unwrap();
    let dark = |pixel: &[u8; 3]| *pixel == [0x08, 0x30, 0x6B];
    let dark = image.pixels().iter().filter(|pixel| dark(pixel)).count() as f64;
    // Three cells of 1500/4 pixels a side, less their numbers, and the end of the scale.
    assert!((dark / (375.0 * 375.0) - 3.0).abs() < 0.1, "{dark}");
    keep(&image, "confusion");
}

#[test]
fn epochs_and_generations() {
    let rows = csv::read(&golden("reports/results.csv")).unwrap();
    keep(&plots::results(&rows).unwrap(), "results");
    let one = plots::results(&rows[..1]).unwrap();
    keep(&one, "results-1");
    // Point and smoothed line of one epoch stand in the middle of their panel, and the legend shows both colours.
    let orange = one.pixels().iter().filter(|pixel| **pixel == [0xF0, 0x8A, 0x24]).count();
    assert!(orange > 60, "{orange} pixels of the smoothed line's colour in the legend");
    let u = uniform("plots", 300);
    let falling = |i: usize| 0.02 + 0.1 / (1.0 + i as f64 / 8.0) + 0.004 * u[i];
    let run: Vec<EpochRow> = (0..100)
        .map(|epoch| EpochRow {
            epoch,
            train: [falling(epoch), falling(epoch) * 2.0, falling(epoch) * 0.2],
            metrics: [1.0 - 6.0 * falling(epoch); 4],
            val: [falling(epoch) * 1.2, if epoch == 30 { f64::NAN } else { falling(epoch) }, falling(epoch)],
            rates: [0.01; 3],
        })
        .collect();
    keep(&plots::results(&run).unwrap(), "results-100");

    let keys: Vec<String> = ["lr0", "lrf", "momentum", "weight_decay", "warmup_epochs", "box", "cls", "obj"]
        .map(str::to_string)
        .to_vec();
    let u = uniform("plots/evolve", 200 * 9);
    let generation = |row: &[f64; 9]| Generation {
        fitness: 0.5 - (row[0] - 0.4).powi(2) * 0.1 - row[8] * 0.02,
        values: row[..8].iter().map(|u| 0.01 + 0.4 * u * u).collect(),
    };
    let generations: Vec<Generation> = u.as_chunks().0.iter().map(generation).collect();
    keep(&plots::evolve(&generations, &keys).unwrap(), "evolve");
}

#[test]
fn a_study_s_points_are_where_they_belong() {
    let point = |imgsz: usize, map| StudyPoint { imgsz, milliseconds: imgsz as f64 / 10.0, map };
    let points: Vec<StudyPoint> =
        (0..11).map(|i| point(256 + 128 * i, 0.45 - 0.3 / (1.0 + i as f64))).collect();
    let image = plots::study(&points, "yolov5s").unwrap();
    keep(&image, "study");
    // A flat line runs through the middle of its axis, which has room of a tenth above and below.
    let level: Vec<StudyPoint> = points.iter().map(|point| StudyPoint { map: 0.4, ..*point }).collect();
    let (flat, broken) = (plots::study(&level, "").unwrap(), point(9, f64::NAN));
    let blue = |image: &Image| -> Vec<usize> {
        let pixels = image.pixels().iter().enumerate();
        pixels.filter(|(_, pixel)| **pixel == [0x1F, 0x5F, 0xC4]).map(|(at, _)| at / image.width).collect()
    };
    let (rising, flat) = (blue(&image), blue(&flat));
    let span = |rows: &[usize]| rows.iter().max().unwrap() - rows.iter().min().unwrap();
    assert!(span(&flat) < 20 && span(&rising) > 500, "{} {}", span(&flat), span(&rising));
    for points in [&[][..], &points[..1], &[broken]] {
        plots::study(points, "").unwrap();
    }
}

#[test]
fn labels_of_datasets() {
    for (name, side) in [("coco128", 640.0), ("bccd", 640.0)] {
        let case = case(name);
        let share = |truth: &Truth| {
            let [x1, y1, x2, y2] = truth.rect.map(|place| place / side);
            [truth.class as f32, (x1 + x2) / 2.0, (y1 + y2) / 2.0, x2 - x1, y2 - y1]
        };
        let labels: Vec<[f32; 5]> =
            case.images().iter().flat_map(|(_, truths)| truths.iter().map(share)).collect();
        keep(&plots::labels(&labels, &names(case.nc())).unwrap(), &format!("{name}-labels"));
        keep(&plots::labels_correlogram(&labels).unwrap(), &format!("{name}-correlogram"));
    }
    // All in one place: the first panel has one bar, and below it one square, in the middle of each.
    let image = plots::labels_correlogram(&[[0.0, 0.51, 0.51, 0.1, 0.1]; 9]).unwrap();
    let panel = image.width / 4;
    let inked = |row: usize, column: usize| {
        let inside = (row * panel..(row + 1) * panel).flat_map(|y| (0..panel).map(move |x| (y, x)));
        let blue = |&(y, x): &(usize, usize)| {
            let [red, _, blue] = image.pixels()[y * image.width + column * panel + x];
            blue > red.saturating_add(40)
        };
        inside.filter(blue).count()
    };
    assert!(inked(0, 0) > 1000 && inked(1, 0) > 20, "{} {}", inked(0, 0), inked(1, 0));
    for (row, column) in [(0, 1), (0, 3), (2, 3)] {
        assert_eq!(inked(row, column), 0, "above the diagonal: {row} {column}");
    }
}

#[test]
fn batches() {
    let photo = Image::read(root().join("tests/data/photos/coffee.png")).unwrap();
    for (count, side) in [(1, 640), (5, 320), (16, 640)] {
        let tile = yolo_host::image::resize_linear(&photo, side, side);
        let pixels = tile.rgb.repeat(count);
        let scale = side as f32;
        let boxes: Vec<BatchBox> = (0..count)
            .flat_map(|image| {
                [
                    ([0.05, 0.2, 0.95, 0.7], 5, None),
                    ([0.05, 0.36, 0.3, 0.84], 0, Some(0.87)),
                    ([0.2; 4], 1, Some(0.2)),
                ]
                .map(|(rect, class, confidence)| BatchBox {
                    image,
                    class,
                    rect: rect.map(|share: f32| share * scale),
                    confidence,
                })
            })
            .collect();
        let titles: Vec<String> = (0..count).map(|i| format!("a/rather/long/name of bus {i}.jpg")).collect();
        let mosaic = plots::batch(&pixels, (side, side), &boxes, &titles, &names(80));
        if count == 5 {
            assert_eq!((mosaic.width, mosaic.height), (3 * side, 3 * side));
            let at = |x: usize, y: usize| mosaic.pixels()[y * mosaic.width + x];
            let source = tile.pixels()[170 * side + 300];
            for i in 0..5 {
                assert_eq!(at(i / 3 * side + 300, i % 3 * side + 170), source, "image {i}, column by column");
            }
            assert_eq!(at(2 * side + 5, 5), [255; 3], "no image there");
            assert_eq!(at(side - 16, 100), yolo_host::classes::colour(5), "the right side of the bus");
        }
        keep(&mosaic, &format!("batch-{count}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn anything_can_be_plotted(
        nc in 0_usize..40,
        rects in proptest::collection::vec((any::<[f32; 4]>(), any::<f32>(), 0_usize..50), 0..30),
        values in proptest::collection::vec(any::<[f64; 13]>(), 0..6),
        labels in proptest::collection::vec(any::<[f32; 5]>(), 0..10),
        names in proptest::collection::vec(any::<String>(), 0..4),
    ) {
        let mut evaluation = Metrics::new(nc);
        let detections: Vec<Detection> =
            rects.iter().map(|&(rect, confidence, class)| Detection { rect, confidence, class }).collect();
        let truths: Vec<Truth> = rects.iter().map(|&(rect, _, class)| Truth { class, rect }).collect();
        evaluation.add(&detections, &truths);
        let summary: Summary = evaluation.summary();
        for plot in [plots::pr_curve, plots::f1_curve, plots::p_curve, plots::r_curve] {
            plot(&summary, &names).unwrap();
        }
        plots::confusion_matrix(&summary.confusion, &names).unwrap();
        let rows: Vec<EpochRow> =
            values.iter().enumerate().map(|(epoch, values)| EpochRow::from_values(epoch, *values)).collect();
        plots::results(&rows).unwrap();
        plots::labels(&labels, &names).unwrap();
        plots::labels_correlogram(&labels).unwrap();
        let generations: Vec<Generation> =
            values.iter().map(|v| Generation { fitness: v[0], values: v[1..3].to_vec() }).collect();
        plots::evolve(&generations, &names[..names.len().min(2)]).unwrap();
        let pixels: Vec<u8> = labels.concat().iter().map(|value| *value as u8).collect();
        let boxes: Vec<BatchBox> = rects.iter().enumerate()
            .map(|(image, &(rect, c, class))| BatchBox { image, class, rect, confidence: Some(c) }).collect();
        plots::batch(&pixels, (2, 3), &boxes, &names, &names);
        plots::batch(&pixels, (0, 3), &boxes, &names, &names);
    }
}
